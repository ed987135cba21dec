#include "sim/simulated_host.hpp"

#include <utility>

#include "attestation/tcb.hpp"
#include "base/try.hpp"
#include "firmware/model/installation.hpp"
#include "host/update_plan.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;

// Few enough that each one's certificate is soon issued, enough that two neighbours differ.
constexpr std::uint8_t tcbs_in_cycle = 4;

attestation::Tcb aged(attestation::Tcb tcb, std::uint8_t age) {
  tcb.snp = static_cast<std::uint8_t>(tcb.snp - age);
  return tcb;
}

}  // namespace

Result<std::unique_ptr<SimulatedHost>> SimulatedHost::create(
    attestation::Product product, std::optional<firmware::model::AuthorityKeys> keys) {
  firmware::model::Installation installation;
  installation.product = product;
  installation.keys = std::move(keys);
  auto image = firmware::model::usual_firmware(product);
  if (image.tcb.snp < tcbs_in_cycle) image.tcb.snp = tcbs_in_cycle;
  installation.firmware = image;
  EXTREQ_TRY_ASSIGN(auto directory, TemporaryDirectory::create("extreq-sim"));
  EXTREQ_TRY_ASSIGN(auto processor, firmware::model::SecureProcessor::in_memory(installation, {}));
  std::unique_ptr<SimulatedHost> host(
      new SimulatedHost(std::move(directory), std::move(processor), image.tcb));
  EXTREQ_TRY_ASSIGN(auto report, host->update_.publish_current(1s));
  if (report.no_certificates) return tl::unexpected(*std::move(report.no_certificates));
  return host;
}

SimulatedHost::SimulatedHost(TemporaryDirectory directory,
                             std::unique_ptr<firmware::model::SecureProcessor> processor,
                             const attestation::Tcb& newest)
    : directory_(std::move(directory)),
      processor_(std::move(processor)),
      newest_(newest),
      writer_(directory_.path() + "/host.blob"),
      update_(writer_, *processor_,
              [this](const host::SigningState& state) { return certificates_for(state); }) {}

Result<Bytes> SimulatedHost::certificates_for(const host::SigningState& state) {
  return processor_->kds().certificate_table(
      attestation::decode_tcb(state.reported_tcb, attestation::layout_of(state.product)), {});
}

Result<host::UpdateReport> SimulatedHost::rotate(Clock::Duration max_wait) {
  const auto age = static_cast<std::uint8_t>((age_ + 1) % tcbs_in_cycle);
  const auto plan = host::plan_config(*processor_, {aged(newest_, age), {}, {}});
  EXTREQ_TRY_ASSIGN(auto report, update_.run(plan, max_wait));
  if (report.command_error) return tl::unexpected(*std::move(report.command_error));
  if (report.no_certificates) return tl::unexpected(*std::move(report.no_certificates));
  age_ = age;
  return report;
}

}  // namespace extreq::sim
