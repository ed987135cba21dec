#include "machine/tcb_switch.hpp"

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

TcbSwitch::TcbSwitch(firmware::model::SecureProcessor& processor, const std::string& blob)
    : processor_(processor),
      writer_(blob),
      update_(writer_, processor, model_certificates(processor)) {}

TcbSwitch::~TcbSwitch() {
  // The state is the model's own, and the next start publishes what fits it.
  if (is_low_) static_cast<void>(report_tcb(high_));
}

Result<std::unique_ptr<TcbSwitch>> TcbSwitch::create(firmware::model::SecureProcessor& processor,
                                                     const std::string& blob) {
  std::unique_ptr<TcbSwitch> made(new TcbSwitch(processor, blob));
  EXTREQ_TRY(made->update_.publish_current(patience));
  EXTREQ_TRY_ASSIGN(const auto state, host::read_signing_state(processor));
  const auto layout = attestation::layout_of(state.product);
  attestation::Tcb tcb = attestation::decode_tcb(state.reported_tcb, layout);
  if (tcb.snp == 0) {
    return fail(Code::unsupported, "TCB change: the reported TCB's SNP component is 0");
  }
  --tcb.snp;
  made->high_ = state.reported_tcb;
  made->low_ = attestation::encode_tcb(tcb);
  return made;
}

Status TcbSwitch::change() {
  const std::lock_guard lock(mutex_);
  const std::uint64_t tcb = is_low_ ? high_ : low_;
  const auto start = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
  const auto done = report_tcb(tcb);
  if (trace_ != nullptr) {
    trace_->span(Trace::Track::host, done ? "TCB change" : "TCB change failed", start,
                 done ? fmt::format("REPORTED_TCB {:#x}", tcb) : done.error().message);
  }
  if (!done) return done;
  is_low_ = !is_low_;
  ++changes_;
  return {};
}

Status TcbSwitch::report_tcb(std::uint64_t tcb) {
  EXTREQ_TRY_ASSIGN(
      const auto report,
      update_.run(
          [tcb](host::SigningState state) {
            state.reported_tcb = tcb;
            return state;
          },
          [this, tcb](int /*lock_descriptor*/) -> Status { return set_tcb(tcb); }, patience));
  if (report.command_error) return tl::unexpected(*report.command_error);
  return {};
}

Status TcbSwitch::set_tcb(std::uint64_t tcb) {
  const auto start = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
  abi::snp::Config config;
  config.reported_tcb = tcb;
  const auto done = processor_.set_config(config);
  if (trace_ != nullptr) trace_->span(Trace::Track::host, "SNP_CONFIG under the lock", start);
  if (!done) return fail(Code::io, "{}", done.error().message);
  return {};
}

}  // namespace extreq::machine
