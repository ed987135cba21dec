#include "tests/soak/scene.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "firmware/model/test_authority.hpp"

namespace extreq::soak {
namespace {

using attestation::Product;
namespace model = firmware::model;

constexpr std::uint8_t tcbs = 8;

}  // namespace

Status report_tcb(model::SecureProcessor& processor, std::uint64_t reported_tcb) {
  abi::snp::Config config;
  config.reported_tcb = reported_tcb;
  if (auto done = processor.set_config(config); !done) {
    return fail(Code::io, "{}", done.error().message);
  }
  return {};
}

Result<Bytes> table_of(const Scene& scene, std::uint64_t reported_tcb) {
  const auto known = std::ranges::find(scene.tables, reported_tcb, &KnownTable::reported_tcb);
  if (known == scene.tables.end()) return fail(Code::not_found, "a TCB that nobody set");
  return known->bytes;
}

Status prepare(Scene& scene) {
  model::Installation installation;
  installation.product = Product::milan;
  installation.keys = model::test_authority_keys();
  EXTREQ_TRY(model::SecureProcessor::install(scene.platform(), installation));
  EXTREQ_TRY_ASSIGN(const auto processor, model::SecureProcessor::open(scene.platform()));
  EXTREQ_TRY(scene.anchors.add(processor->kds().ark()));
  attestation::Tcb tcb = model::usual_firmware(Product::milan).tcb;
  for (std::uint8_t i = 0; i < tcbs; ++i) {
    EXTREQ_TRY_ASSIGN(auto table, processor->kds().certificate_table(tcb, std::nullopt));
    scene.tables.push_back({attestation::encode_tcb(tcb), std::move(table)});
    --tcb.microcode;
  }
  EXTREQ_TRY_ASSIGN(scene.shared, map_shared_state(scene.counters()));
  return {};
}

}  // namespace extreq::soak
