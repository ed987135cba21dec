#include "machine/tcb_rotation.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "attestation/tcb.hpp"
#include "base/try.hpp"

namespace extreq::machine {
namespace {

constexpr auto patience = std::chrono::seconds(5);

host::CertificateProvider model_certificates(firmware::model::SecureProcessor& processor) {
  return [&processor](const host::SigningState& state) {
    return processor.kds().certificate_table(
        attestation::decode_tcb(state.reported_tcb, attestation::layout_of(state.product)),
        std::nullopt);
  };
}

}  // namespace

TcbRotation::TcbRotation(firmware::model::SecureProcessor& processor, const std::string& blob)
    : processor_(processor),
      writer_(blob),
      update_(writer_, processor, model_certificates(processor)) {}

TcbRotation::~TcbRotation() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  // The state is the model's own, and the next start publishes what fits it.
  if (high_ != 0) static_cast<void>(report_tcb(high_));
}

Result<std::unique_ptr<TcbRotation>> TcbRotation::start(firmware::model::SecureProcessor& processor,
                                                        const std::string& blob,
                                                        std::chrono::milliseconds pause) {
  std::unique_ptr<TcbRotation> rotation(new TcbRotation(processor, blob));
  EXTREQ_TRY(rotation->update_.publish_current(patience));
  EXTREQ_TRY_ASSIGN(const auto state, host::read_signing_state(processor));
  const auto layout = attestation::layout_of(state.product);
  attestation::Tcb tcb = attestation::decode_tcb(state.reported_tcb, layout);
  if (tcb.snp == 0) {
    return fail(Code::unsupported, "rotation: the reported TCB's SNP component is 0");
  }
  --tcb.snp;
  rotation->high_ = state.reported_tcb;
  rotation->low_ = attestation::encode_tcb(tcb);
  EXTREQ_TRY(rotation->report_tcb(rotation->low_));
  EXTREQ_TRY(rotation->report_tcb(rotation->high_));
  TcbRotation* const self = rotation.get();
  self->thread_ = std::jthread([self, pause](const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    for (bool low = true; !stop.stop_requested(); low = !low) {
      if (!self->report_tcb(low ? self->low_ : self->high_)) ++self->failures_;
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stop, pause, [] { return false; });
    }
  });
  return rotation;
}

Status TcbRotation::report_tcb(std::uint64_t tcb) {
  EXTREQ_TRY_ASSIGN(const auto report, update_.run(
                                           [tcb](host::SigningState state) {
                                             state.reported_tcb = tcb;
                                             return state;
                                           },
                                           [this, tcb](int /*lock_descriptor*/) -> Status {
                                             abi::snp::Config config;
                                             config.reported_tcb = tcb;
                                             const auto done = processor_.set_config(config);
                                             if (!done)
                                               return fail(Code::io, "{}", done.error().message);
                                             return {};
                                           },
                                           patience));
  if (report.command_error) return tl::unexpected(*report.command_error);
  ++changes_;
  return {};
}

}  // namespace extreq::machine
