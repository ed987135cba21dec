#include "cli/boot_session.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "lease/blob_source.hpp"
#include "lease/memory_source.hpp"

namespace extreq::cli {
namespace {

using firmware::model::SecureProcessor;

constexpr auto rotation_pause = std::chrono::milliseconds(50);

bool any_tcb_change(const std::vector<machine::Fault>& faults) {
  return std::any_of(faults.begin(), faults.end(), [](const machine::Fault& fault) {
    return fault.kind == machine::FaultKind::tcb_change;
  });
}

}  // namespace

Result<std::unique_ptr<SecureProcessor>> open_processor(const std::string& platform) {
  return platform.empty() ? SecureProcessor::in_memory()
                          : SecureProcessor::open_or_install(platform);
}

Status BootSession::open_source(const std::string& name) {
  if (name == "none") {
    source_ = std::make_unique<lease::MemorySource>();
  } else if (name == "model") {
    EXTREQ_TRY_ASSIGN(Bytes table, processor_->certificate_table());
    source_ = std::make_unique<lease::MemorySource>(std::move(table));
  } else {
    source_ = std::make_unique<lease::BlobSource>(name);
  }
  return {};
}

Status BootSession::arrange(const SessionOptions& options) {
  bool changes_tcb = options.rotate;
  for (const auto& text : options.faults) {
    EXTREQ_TRY_ASSIGN(const machine::Fault fault, machine::parse_fault(text));
    changes_tcb = changes_tcb || any_tcb_change({fault});
    faults_.add(fault);
  }
  if (!options.fault_script.empty()) {
    EXTREQ_TRY_ASSIGN(const Bytes raw, read_file(options.fault_script));
    auto steps = machine::parse_fault_steps(std::string(raw.begin(), raw.end()));
    if (!steps) {
      return fail(steps.error().code, "{}, {}", options.fault_script, steps.error().message);
    }
    changes_tcb = changes_tcb || std::any_of(steps->begin(), steps->end(), any_tcb_change);
    faults_.set_steps(*std::move(steps));
  }
  if (!changes_tcb) return {};
  if (options.certificates == "model" || options.certificates == "none") {
    return fail(Code::invalid_input,
                "TCB changes (--rotate, the fault tcb) need certificates that change with it: "
                "--cert-source FILE");
  }
  EXTREQ_TRY_ASSIGN(tcb_, machine::TcbSwitch::create(*processor_, options.certificates));
  return {};
}

Result<std::unique_ptr<BootSession>> BootSession::create(
    const SessionOptions& options, std::unique_ptr<SecureProcessor> processor) {
  std::unique_ptr<BootSession> session(new BootSession);
  session->processor_ = std::move(processor);
  EXTREQ_TRY(session->open_source(options.certificates));
  EXTREQ_TRY(session->arrange(options));

  machine::FaultySource::ChangeTcb change;
  if (session->tcb_) change = [tcb = session->tcb_.get()] { return tcb->change(); };
  session->faulty_requests_ =
      std::make_unique<machine::FaultyRequests>(*session->processor_, session->faults_);
  session->faulty_source_ = std::make_unique<machine::FaultySource>(
      *session->source_, session->faults_, std::move(change));
  session->requests_ = session->faulty_requests_.get();
  session->certificates_ = session->faulty_source_.get();
  if (!options.trace.empty()) {
    EXTREQ_TRY_ASSIGN(session->trace_, trace::Trace::create(options.trace));
    session->traced_requests_ =
        std::make_unique<trace::TracedRequests>(*session->requests_, *session->trace_);
    session->traced_source_ =
        std::make_unique<trace::TracedSource>(*session->certificates_, *session->trace_);
    if (session->tcb_) session->tcb_->set_trace(*session->trace_);
    session->requests_ = session->traced_requests_.get();
    session->certificates_ = session->traced_source_.get();
  }
  if (options.rotate) {
    EXTREQ_TRY_ASSIGN(session->rotation_,
                      machine::TcbRotation::start(*session->tcb_, rotation_pause));
  }
  return session;
}

Status BootSession::finish() {
  if (tcb_) {
    const unsigned failures = rotation_ ? rotation_->failures() : 0;
    rotation_.reset();
    fmt::print(stderr, "the reported TCB changed {} times, {} changes failed\n", tcb_->changes(),
               failures);
  }
  if (const auto left = faults_.left(); !left.empty()) {
    fmt::print(stderr, "faults that no request met: {}\n", left);
  }
  if (!trace_) return {};
  return trace_->finish();
}

}  // namespace extreq::cli
