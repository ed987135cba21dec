#include "sim/vmm_thread.hpp"

#include <cerrno>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/try.hpp"
#include "sim/timed_firmware.hpp"

namespace extreq::sim {
namespace {

namespace kvm = abi::kvm;

const char* describe(vmm::Served served) {
  switch (served) {
    case vmm::Served::not_ours:
      return "is asked for something else";
    case vmm::Served::certificates:
      return "takes a lease (nobody changes the signing key from here on), copies the certificates "
             "into the guest's pages, and asks to hear as soon as the firmware has signed";
    case vmm::Served::no_certificates:
      return "has no certificates, and says so with an empty table";
    case vmm::Served::too_small:
      return "says how many pages the certificates need";
    case vmm::Served::busy:
      return "cannot take a lease now: an update is under way; it answers BUSY";
  }
  return "";
}

}  // namespace

Result<std::unique_ptr<VmmThread>> VmmThread::create(Environment environment,
                                                     vmm::CertificateExit& exits) {
  std::unique_ptr<VmmThread> thread(new VmmThread(std::move(environment)));
  EXTREQ_TRY_ASSIGN(thread->certificates_, exits.create_vcpu([raw = thread.get()] {
    return raw->complete_certificates();
  }));
  return thread;
}

void VmmThread::tell(const char* who, std::string what) {
  if (environment_.steps != nullptr) environment_.steps->add(who, std::move(what));
}

int VmmThread::run_once() {
  const auto cpu_begin = Recorder::thread_cpu_time();
  const auto firmware_begin = TimedFirmware::thread_time();
  environment_.backend.hypervisor_begins();
  const int result = environment_.vcpu.run();
  environment_.backend.hypervisor_ends();
  const auto in_firmware = TimedFirmware::thread_time() - firmware_begin;
  environment_.recorder.add_time(Stage::hypervisor,
                                 Recorder::thread_cpu_time() - cpu_begin - in_firmware);
  return result;
}

Status VmmThread::run() {
  for (;;) {
    int result = run_once();
    if (result == 0) result = serve_certificates();
    if (result == -EINTR) continue;
    if (result != 0) {
      return fail(Code::io, "KVM_RUN gave {}: {}", result, environment_.vcpu.last_failure());
    }
    EXTREQ_TRY_ASSIGN(const Next next, serve());
    if (next == Next::guest_ended) return {};
  }
}

int VmmThread::serve_certificates() {
  vmm::WriterTo writer(environment_.memory);
  timer_.emplace(environment_.recorder, Stage::vmm, environment_.track, "lease and copy");
  const int result = certificates_->handle(environment_.vcpu.run_area(), writer);
  timer_.reset();
  if (certificates_->answer() == vmm::Served::certificates) {
    tell("VMM", "hears that the firmware has signed (EINTR) and drops the lease");
  }
  return result;
}

// Called by handle(): the exit is answered, and under a lease where that is needed.
int VmmThread::complete_certificates() {
  timer_.reset();
  tell("hypervisor",
       "finds a report request among the guest's pages, checks them, and exits to user space for "
       "certificates");
  tell("VMM", describe(certificates_->answer()));
  if (certificates_->answer() == vmm::Served::certificates && environment_.after_copy) {
    environment_.after_copy();
  }
  const int result = run_once();
  timer_.emplace(environment_.recorder, Stage::vmm, environment_.track, "release lease");
  return result;
}

Result<VmmThread::Next> VmmThread::serve() {
  kvm::Run& run = environment_.vcpu.run_area();
  switch (run.exit_reason) {
    case kvm::exit_hypercall:
      EXTREQ_TRY(serve_map_gpa_range());
      return Next::run_again;
    case kvm::exit_shutdown:
      return Next::guest_ended;
    case kvm::exit_system_event:
      return fail(Code::closed, "the guest ended itself, system event {}",
                  run.exit.system_event.type);
    default:
      return fail(Code::unsupported, "nobody serves exit reason {}", run.exit_reason);
  }
}

Status VmmThread::serve_map_gpa_range() {
  kvm::ExitHypercall& call = environment_.vcpu.run_area().exit.hypercall;
  if (call.nr != kvm::hc_map_gpa_range) {
    return fail(Code::unsupported, "nobody serves hypercall {}", call.nr);
  }
  const auto [gpa, pages, flags] = std::tuple(call.args[0], call.args[1], call.args[2]);
  const bool to_private = (flags & kvm::map_gpa_range_encrypted) != 0;
  const auto state =
      to_private ? hypervisor::PageState::private_page : hypervisor::PageState::shared;
  const auto changed = environment_.memory.set_state(gpa, pages, state);
  call.ret = changed ? 0 : EINVAL;
  tell("VMM", fmt::format("makes {} page{} from {:#x} on {}, as the guest asked", pages,
                          pages == 1 ? "" : "s", gpa, to_private ? "private" : "shared"));
  return {};
}

}  // namespace extreq::sim
