#include "machine/machine.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include "abi/ghcb.hpp"
#include "base/try.hpp"
#include "machine/rom.hpp"

namespace extreq::machine {
namespace {

namespace kvm = abi::kvm;

constexpr auto stub_answer_time = std::chrono::seconds(60);
constexpr auto end_time = std::chrono::seconds(30);
constexpr auto poll_interval = std::chrono::milliseconds(2);

std::string termination_text(std::uint64_t ghcb_msr) {
  const auto why = abi::ghcb::decode_termination_msr(ghcb_msr);
  return fmt::format("the guest asked for its termination: reason set {}, code {}", why.reason_set,
                     why.reason_code);
}

}  // namespace

Result<std::unique_ptr<Machine>> Machine::start(const MachineConfig& config, const LaunchPlan& plan,
                                                const KernelImage& kernel, Ports ports,
                                                Console::Sink console) {
  EXTREQ_TRY_ASSIGN(const UniqueFd shared, make_memory_file("extreq-shared", plan.memory));
  EXTREQ_TRY_ASSIGN(UniqueFd private_memory, make_memory_file("extreq-private", plan.memory));
  QemuOptions options;
  options.program = config.qemu;
  options.memory = plan.memory;
  options.rom = make_rom(plan.entry);
  options.devices = config.devices;
  // The emulator starts, stopped, while its memory is filled.
  EXTREQ_TRY_ASSIGN(QemuProcess qemu,
                    QemuProcess::start(options, shared.get(), private_memory.get()));
  EXTREQ_TRY_ASSIGN(Mapping launch_view, Mapping::create(private_memory.get(), plan.memory));
  EXTREQ_TRY_ASSIGN(LaunchedGuest guest, launch_guest(ports.processor, plan, config.launch_start,
                                                      config.launch_finish, launch_view.view()));
  launch_view = Mapping();
  private_memory.reset();

  auto gdb = GdbClient::connect(qemu.take_gdb(), stub_answer_time);
  if (!gdb) {
    const bool ended = qemu.process().wait(end_time);
    return fail(gdb.error().code, "{}: {}{}", config.qemu, gdb.error().message,
                ended ? " (" + qemu.process().last_words() + ")" : "");
  }
  EXTREQ_TRY_ASSIGN(Mapping view, Mapping::create(shared.get(), plan.memory));
  std::unique_ptr<Machine> machine(new Machine(config, ports, std::move(view), std::move(qemu),
                                               std::move(guest), std::move(console)));
  EXTREQ_TRY(machine->begin(plan, kernel, *std::move(gdb)));
  return machine;
}

Machine::Machine(const MachineConfig& config, Ports ports, Mapping shared, QemuProcess qemu,
                 LaunchedGuest guest, Console::Sink console)
    : config_(config),
      ports_(ports),
      shared_(std::move(shared)),
      qemu_(std::move(qemu)),
      guest_(std::move(guest)),
      control_(qemu_.take_control()),
      console_(qemu_.take_console(), std::move(console)),
      certificate_exits_(ports.certificates, config.certificates) {}

Status Machine::begin(const LaunchPlan& plan, const KernelImage& kernel, GdbClient gdb) {
  EXTREQ_TRY(memory_.add_region(0, shared_.view(), hypervisor::PageState::private_page));
  if (plan.decompressor) {
    EXTREQ_TRY_ASSIGN(
        backend_, QemuBackend::create_in_decompressor(std::move(gdb), *plan.decompressor, kernel,
                                                      memory_, plan.memory, config_.silence));
  } else {
    EXTREQ_TRY_ASSIGN(backend_, QemuBackend::create(std::move(gdb), kernel.sites(), memory_,
                                                    plan.memory, config_.silence));
  }
  if (config_.trace != nullptr) backend_->set_trace(*config_.trace);
  EXTREQ_TRY_ASSIGN(certificates_, certificate_exits_.create_vcpu([this] { return vcpu_->run(); }));
  hypervisor::VmConfig vm = config_.vm;
  vm.c_bit = c_bit;
  vm_ = std::make_unique<hypervisor::Vm>(vm, memory_, ports_.requests, guest_.handle());
  if (vm_->enable_req_certs() != 0) return fail(Code::io, "certificate exits cannot be enabled");
  vcpu_ = vm_->create_vcpu(*backend_);
  thread_ = std::thread([this] { run(); });
  return {};
}

Machine::~Machine() { stop(); }

void Machine::stop() noexcept {
  stopping_ = true;
  if (backend_) backend_->kick();
  if (thread_.joinable()) thread_.join();
  qemu_.process().kill();
}

Status Machine::wait(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (!ended_ && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(poll_interval);
  }
  if (!ended_) return fail(Code::busy, "the guest still runs");
  if (thread_.joinable()) thread_.join();
  return outcome_;
}

void Machine::run() {
  while (true) {
    if (stopping_) {
      outcome_ = fail(Code::closed, "the machine was stopped");
      break;
    }
    int answer = vcpu_->run();
    if (answer == 0) answer = certificates_->handle(vcpu_->run_area(), writer_);
    if (answer == -EINTR) continue;
    if (answer != 0) {
      outcome_ = fail(Code::io, "the virtual processor failed: {}", vcpu_->last_failure());
      break;
    }
    if (auto end = serve(vcpu_->run_area())) {
      outcome_ = std::move(*end);
      break;
    }
  }
  ended_ = true;
  control_.end();  // whoever waits for the guest need not wait for its time
}

std::optional<Status> Machine::serve(kvm::Run& run) {
  switch (run.exit_reason) {
    case kvm::exit_hypercall:
      if (auto done = change_page_state(run.exit.hypercall); !done) return done;
      return std::nullopt;
    case kvm::exit_shutdown:
      if (!qemu_.process().wait(end_time)) {
        return fail(Code::io, "the emulator gave up its gdb stub but still runs");
      }
      // A guest that has powered off and an emulator that was killed both close the stub.
      if (qemu_.process().succeeded()) return Status();
      return fail(Code::io, "the emulator ended with {}", qemu_.process().last_words());
    case kvm::exit_system_event:
      return fail(Code::closed, "{}", termination_text(run.exit.system_event.data[0]));
    default:
      return fail(Code::unsupported, "exit {} of the virtual processor has no meaning here",
                  run.exit_reason);
  }
}

Status Machine::change_page_state(kvm::ExitHypercall& hypercall) {
  if (hypercall.nr != kvm::hc_map_gpa_range) {
    return fail(Code::unsupported, "hypercall {} has no meaning here", hypercall.nr);
  }
  const std::uint64_t gpa = hypercall.args[0];
  const std::uint64_t pages = hypercall.args[1];
  const bool to_private = (hypercall.args[2] & kvm::map_gpa_range_encrypted) != 0;
  const auto done = memory_.set_state(
      gpa, pages, to_private ? hypervisor::PageState::private_page : hypervisor::PageState::shared);
  // A range outside memory is the guest's mistake: it gets an error, not we.
  hypercall.ret = done ? 0 : EINVAL;
  if (done) backend_->page_state_changed(gpa, pages);
  return {};
}

}  // namespace extreq::machine
