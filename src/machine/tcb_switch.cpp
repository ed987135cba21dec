#include "machine/tcb_switch.hpp"

#include "attestation/tcb.hpp"
#include "base/try.hpp"
#include "host/update_plan.hpp"

namespace extreq::machine {
namespace {

constexpr auto patience = std::chrono::seconds(5);
constexpr std::string_view host_track = "host: TCB changes";

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
  made->high_ = made->low_ = attestation::decode_tcb(state.reported_tcb, layout);
  if (made->low_.snp == 0) {
    return fail(Code::unsupported, "TCB change: the reported TCB's SNP component is 0");
  }
  --made->low_.snp;
  return made;
}

Status TcbSwitch::change() {
  const std::lock_guard lock(mutex_);
  const attestation::Tcb& tcb = is_low_ ? high_ : low_;
  const auto start = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
  const auto done = report_tcb(tcb);
  if (trace_ != nullptr) {
    trace_->span(host_track, done ? "TCB change" : "TCB change failed", start,
                 done ? fmt::format("REPORTED_TCB {:#x}", attestation::encode_tcb(tcb))
                      : done.error().message);
  }
  if (!done) return done;
  is_low_ = !is_low_;
  ++changes_;
  return {};
}

Status TcbSwitch::report_tcb(const attestation::Tcb& tcb) {
  using Change = host::UpdateTransaction::Change;
  const auto plan = [this, config = host::plan_config(processor_, {tcb, {}, {}})](
                        const host::PlatformState& before) -> Result<Change> {
    EXTREQ_TRY_ASSIGN(Change change, config(before));
    change.command = [this, set = std::move(change.command)](int lock_descriptor) {
      const auto start = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
      auto done = set(lock_descriptor);
      if (trace_ != nullptr) trace_->span(host_track, "SNP_CONFIG under the lock", start);
      return done;
    };
    return change;
  };
  EXTREQ_TRY_ASSIGN(const auto report, update_.run(plan, patience));
  if (report.command_error) return tl::unexpected(*report.command_error);
  return {};
}

}  // namespace extreq::machine
