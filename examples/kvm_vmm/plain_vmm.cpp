#include "examples/kvm_vmm/plain_vmm.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <pthread.h>

#include "base/try.hpp"
#include "crypto/random.hpp"
#include "examples/kvm_vmm/doorbell_guest.hpp"
#include "examples/kvm_vmm/doorbell_vcpu.hpp"
#include "examples/kvm_vmm/kvm_vm.hpp"
#include "examples/kvm_vmm/vcpu_loop.hpp"
#include "extreq/vmm.hpp"
#include "hypervisor/vm.hpp"
#include "sim/evidence_check.hpp"
#include "sim/guest_kernel.hpp"
#include "sim/simulated_guest.hpp"
#include "sim/simulated_host.hpp"

namespace extreq::kvm_vmm {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t code_at = 0x1000;
constexpr std::uint64_t mailboxes_at = 0x2000;
constexpr std::uint64_t mailbox_spacing = 64;
constexpr std::size_t plain_memory_size = 0x10000;
constexpr auto rotation_pause = 5ms;
constexpr auto rotation_patience = 10s;
constexpr auto kick_pause = 200us;

// What the whole run found. Threading: any thread.
class Findings {
 public:
  void add(const sim::EvidenceCheck::Opinion& opinion) {
    const std::lock_guard lock(mutex_);
    ++result_.requests;
    if (opinion.finding == sim::EvidenceCheck::Finding::genuine) {
      ++result_.genuine;
    } else {
      note(opinion.why);
    }
  }
  void problem(const std::string& what) {
    const std::lock_guard lock(mutex_);
    note(what);
  }
  void rotated() {
    const std::lock_guard lock(mutex_);
    ++result_.rotations;
  }
  void add_loop(const VcpuLoop& loop) {
    const std::lock_guard lock(mutex_);
    result_.served += loop.served();
    result_.interrupted += loop.interrupted();
  }
  [[nodiscard]] PlainResult take() {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  void note(const std::string& what) {
    if (result_.first_problem.empty()) result_.first_problem = what;
  }

  std::mutex mutex_;
  PlainResult result_;
};

int write_memory(void* opaque, std::uint64_t gpa, const void* bytes, std::size_t size) {
  const ByteView view(static_cast<const std::uint8_t*>(bytes), size);
  return static_cast<hypervisor::GuestMemory*>(opaque)->write(gpa, view) ? 0 : -EFAULT;
}

// A page state change: the kernel half leaves it to user space.
void serve_map_gpa_range(kvm_run& page, hypervisor::GuestMemory& memory) {
  const auto& args = page.hypercall.args;
  const bool to_private = (args[2] & abi::kvm::map_gpa_range_encrypted) != 0;
  const auto state =
      to_private ? hypervisor::PageState::private_page : hypervisor::PageState::shared;
  const bool done = page.hypercall.nr == abi::kvm::hc_map_gpa_range &&
                    memory.set_state(args[0], args[1], state).has_value();
  page.hypercall.ret = done ? 0 : EINVAL;
}

// One vCPU with the program of its guest, in the order in which they are made.
class Processor {
 public:
  struct Shared {
    KvmVm& vm;
    MutableByteView plain_memory;
    hypervisor::Vm& half;
    hypervisor::GuestMemory& memory;
    vmm_api::Vm& certificates;
  };

  [[nodiscard]] static Result<std::unique_ptr<Processor>> create(
      const Shared& shared, unsigned number, std::function<void(sim::GuestCpu&)> program) {
    std::unique_ptr<Processor> processor(new Processor(shared));
    const std::uint64_t mailbox = mailboxes_at + number * mailbox_spacing;
    EXTREQ_TRY_ASSIGN(processor->kvm_, shared.vm.create_vcpu(number));
    EXTREQ_TRY(processor->kvm_.start_in_real_mode(code_at, mailbox));
    processor->vcpu_ = std::make_unique<DoorbellVcpu>(processor->kvm_, shared.half);
    processor->guest_ = std::make_unique<DoorbellGuest>(
        shared.plain_memory.subspan(mailbox, sizeof(std::uint64_t)), std::move(program));
    // What a VMM with the kernel's whole KVM_RUN does by create_vcpu(fd).
    processor->certificates_.emplace(shared.certificates.create_vcpu(
        {sizeof(extreq_vmm_vcpu_config), -1,
         [](void* vcpu) { return static_cast<DoorbellVcpu*>(vcpu)->run(); },
         processor->vcpu_.get()}));
    processor->loop_ = std::make_unique<VcpuLoop>(
        VcpuLoop::Machine{
            .run = [vcpu = processor->vcpu_.get()] { return vcpu->run(); },
            .page = processor->vcpu_->run_area(),
            .memory = {write_memory, &shared.memory, nullptr, 0},
            .other_exit = [raw = processor.get()](kvm_run& page) { return raw->other_exit(page); }},
        *processor->certificates_->get());
    return processor;
  }

  [[nodiscard]] Status run() {
    auto ran = loop_->run();
    guest_.reset();  // others may wait for a lock that its program holds
    ended_ = true;
    ended_.notify_all();
    if (ran) return ran;
    return fail(ran.error().code, "{}: {}", ran.error().message, vcpu_->last_failure());
  }
  void wait_for_end() const noexcept { ended_.wait(false); }
  [[nodiscard]] VcpuLoop& loop() noexcept { return *loop_; }

 private:
  explicit Processor(const Shared& shared) : shared_(shared) {}

  [[nodiscard]] Result<bool> other_exit(kvm_run& page) {
    switch (page.exit_reason) {
      case KVM_EXIT_IO:
        if (page.io.direction == KVM_EXIT_IO_OUT) {
          guest_->rung();
        } else {
          auto* const bytes = static_cast<std::uint8_t*>(static_cast<void*>(&page));
          bytes[page.io.data_offset] = guest_->wait_for_doorbell() ? 1 : 0;
        }
        return true;
      case KVM_EXIT_HYPERCALL:
        serve_map_gpa_range(page, shared_.memory);
        return true;
      case KVM_EXIT_HLT:
        return false;
      default:
        return fail(Code::unsupported, "nobody serves exit reason {}", page.exit_reason);
    }
  }

  Shared shared_;
  KvmVcpu kvm_;
  std::unique_ptr<DoorbellVcpu> vcpu_;
  std::unique_ptr<DoorbellGuest> guest_;
  std::optional<vmm_api::Vcpu> certificates_;
  std::unique_ptr<VcpuLoop> loop_;
  std::atomic<bool> ended_{false};
};

// What each vCPU's guest does: start as a kernel does, then ask and check.
class Program {
 public:
  Program(sim::SimulatedGuest& guest, sim::GuestKernel& kernel,
          const attestation::TrustAnchors& anchors, Findings& findings, unsigned vcpu,
          std::uint64_t requests)
      : guest_(guest),
        kernel_(kernel),
        findings_(findings),
        check_(anchors, system_clock().utc()),
        vcpu_(vcpu),
        requests_(requests) {}

  void operator()(sim::GuestCpu& cpu) {
    sim::GuestProcessor processor(cpu, guest_.ram(), sim::SimulatedGuest::pages_of(vcpu_));
    if (auto started = processor.start(); !started) {
      findings_.problem(started.error().message);
      return;
    }
    for (std::uint64_t i = 0; i < requests_; ++i) {
      guest::ReportQuery query;
      const std::size_t key = vcpu_ % abi::snp::vmpck_count;
      query.vmpl = static_cast<std::uint32_t>(key);
      if (auto random = crypto::random_bytes(query.report_data); !random) {
        findings_.problem(random.error().message);
        return;
      }
      const auto evidence = kernel_.extended_report(key, processor, query);
      if (!evidence) {
        findings_.problem(evidence.error().error.message);
        return;
      }
      findings_.add(check_.judge(*evidence, query));
    }
  }

 private:
  sim::SimulatedGuest& guest_;
  sim::GuestKernel& kernel_;
  Findings& findings_;
  sim::EvidenceCheck check_;
  unsigned vcpu_;
  std::uint64_t requests_;
};

void rotate(sim::SimulatedHost& host, Findings& findings, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (auto report = host.rotate(rotation_patience); !report) {
      findings.problem(report.error().message);
      return;
    }
    findings.rotated();
    std::this_thread::sleep_for(rotation_pause);
  }
}

// As a VMM pulls its vCPUs out of the guest: a flag, immediate_exit, and a signal.
void kick_all(std::vector<std::unique_ptr<Processor>>& processors,
              std::vector<std::jthread>& threads, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (std::size_t i = 0; i < processors.size(); ++i) {
      processors[i]->loop().kick();
      ::pthread_kill(threads[i].native_handle(), SIGUSR1);
    }
    std::this_thread::sleep_for(kick_pause);
  }
}

}  // namespace

Result<PlainResult> run_plain(const PlainConfig& config) {
  EXTREQ_TRY_ASSIGN(KvmVm vm, KvmVm::create(0));
  EXTREQ_TRY(vm.intercept_msr(ghcb_msr_number));
  EXTREQ_TRY_ASSIGN(const Mapping plain, Mapping::anonymous(plain_memory_size));
  std::ranges::copy(doorbell_code(), plain.bytes().begin() + code_at);
  EXTREQ_TRY(vm.add_memory(0, 0, plain.bytes()));

  EXTREQ_TRY_ASSIGN(const auto host, sim::SimulatedHost::create(config.product, config.keys));
  EXTREQ_TRY_ASSIGN(const auto guest, sim::SimulatedGuest::launch(host->processor(), config.vcpus));
  EXTREQ_TRY_ASSIGN(
      const auto kernel,
      sim::GuestKernel::start(guest->ram(), sim::SimulatedGuest::secrets_gpa, system_clock()));
  attestation::TrustAnchors anchors;
  EXTREQ_TRY(anchors.add(host->root()));
  hypervisor::Vm half({}, guest->memory(), host->processor(), guest->handle());
  if (const int enabled = half.enable_req_certs(); enabled != 0) {
    return fail(Code::unsupported, "certificate exits cannot be enabled: {}", enabled);
  }
  const auto source = vmm_api::Source::blob(host->blob_path());
  vmm_api::Vm certificates(source);

  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};
  if (config.kick) ::sigaction(SIGUSR1, &nothing, nullptr);

  Findings findings;
  std::vector<std::unique_ptr<Processor>> processors;
  for (unsigned i = 0; i < config.vcpus; ++i) {
    EXTREQ_TRY_ASSIGN(
        auto processor,
        Processor::create({vm, plain.bytes(), half, guest->memory(), certificates}, i,
                          Program(*guest, *kernel, anchors, findings, i, config.requests)));
    processors.push_back(std::move(processor));
  }
  std::vector<std::jthread> threads;
  {
    std::jthread updater;
    std::jthread kicker;
    for (auto& processor : processors) {
      threads.emplace_back([&findings, raw = processor.get()] {
        if (auto ran = raw->run(); !ran) findings.problem(ran.error().message);
      });
    }
    if (config.rotate) {
      updater = std::jthread([&](const std::stop_token& stop) { rotate(*host, findings, stop); });
    }
    if (config.kick) {
      kicker =
          std::jthread([&](const std::stop_token& stop) { kick_all(processors, threads, stop); });
    }
    for (auto& processor : processors) processor->wait_for_end();
  }  // first the kicks end, so that no thread is hit that is gone
  threads.clear();
  for (const auto& processor : processors) findings.add_loop(processor->loop());
  return findings.take();
}

}  // namespace extreq::kvm_vmm
