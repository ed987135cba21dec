// Attestation reports: attestation::Report and what is read out of one.
#include "attestation/report.hpp"

#include "attestation/ecdsa_layout.hpp"
#include "attestation/tcb.hpp"
#include "fuzz/input.hpp"

namespace extreq::fuzz {
namespace {

using attestation::Report;
using attestation::TcbLayout;

void read_tcb(std::uint64_t tcb_version) {
  for (const TcbLayout layout : {TcbLayout::milan, TcbLayout::turin}) {
    const auto tcb = attestation::decode_tcb(tcb_version, layout);
    require(attestation::layout_of(tcb) == layout, "a TCB knows its layout");
    require(attestation::all_components_at_least(tcb, tcb), "a TCB is at least itself");
    require(!attestation::to_text(tcb).empty(), "a TCB has words");
    const std::uint64_t again = attestation::encode_tcb(tcb);
    require((again == tcb_version) == attestation::reserved_bits_zero(tcb_version, layout),
            "only reserved bytes are lost");
  }
}

void read_optional_fields(const Report& report) {
  require(report.cpuid().has_value() == (report.version() >= abi::snp::report_version_cpuid),
          "CPUID from version 3 on");
  const bool has_vectors = report.version() >= abi::snp::report_version_mitigation_vectors;
  require(report.launch_mit_vector().has_value() == has_vectors, "vectors from version 5 on");
  require(report.current_mit_vector().has_value() == has_vectors, "vectors from version 5 on");
}

void read_signature(const Report& report) {
  const auto signature = report.signature();
  if (!signature) {
    require(signature.error().code == Code::not_genuine, "its only failure");
    return;
  }
  const Bytes whole(report.bytes().begin(), report.bytes().end());
  const auto layout = ByteReader(whole).object<abi::snp::AttestationReport>();
  const auto again = attestation::to_layout(*signature);
  require(again.r == layout->signature.r && again.s == layout->signature.s &&
              again.reserved == layout->signature.reserved,
          "there are no two encodings of one signature");
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  const ByteView bytes(data, size);
  const auto report = attestation::Report::parse(bytes);
  if (!report) {
    fuzz::require(!report.error().message.empty(), "a failure has words");
    return 0;
  }
  fuzz::require(std::ranges::equal(report->bytes(), bytes), "the raw bytes stay");
  fuzz::require(!attestation::to_text(report->signing_key()).empty(), "a key has a name");
  fuzz::require(!report->mask_chip_key() || report->key_info() != 0, "a bit of KEY_INFO");
  fuzz::require(!report->author_key_en() || report->key_info() != 0, "a bit of KEY_INFO");
  fuzz::read_optional_fields(*report);
  for (const std::uint64_t tcb : {report->current_tcb(), report->reported_tcb(),
                                  report->committed_tcb(), report->launch_tcb()}) {
    fuzz::read_tcb(tcb);
  }
  fuzz::read_signature(*report);
  return 0;
}
