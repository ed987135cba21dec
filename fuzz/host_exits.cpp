// What a guest puts into its GHCB, its request page and the GHCB MSR, and what a VMM puts into the
// run area: hypervisor::Vcpu.
//
// An input is a script of guest steps and answers of the VMM, for one vCPU over 16 pages of memory:
// shared ones, the last but one private, the last unmapped.
#include <cerrno>

#include "abi/ghcb.hpp"
#include "fuzz/input.hpp"
#include "hypervisor/guest_ghcb.hpp"
#include "hypervisor/vm.hpp"

namespace extreq::fuzz {
namespace {

namespace event = abi::ghcb::event;
namespace msr = abi::ghcb::msr;
using abi::ghcb::Page;
namespace psc = abi::ghcb::page_state_change;
using abi::ghcb::page_size;

constexpr std::size_t pages = 15;
constexpr std::uint64_t ghcb_gpa = 1 * page_size;
constexpr std::uint64_t private_gpa = 14 * page_size;
constexpr std::uint8_t private_fill = 0x5E;
// A page state change leaves to the VMM once for each entry at most.
constexpr unsigned runs_max = 16 * (psc::entry_max + 2);
constexpr unsigned steps_max = 16;

class Firmware final : public firmware::GuestRequests {
 public:
  explicit Firmware(Input& input) : input_(input) {}
  Result<abi::snp::CommandStatus> guest_request(
      firmware::GuestHandle, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override {
    const std::uint8_t answer = input_.u8();
    if (answer == 0xFF) return fail(Code::io, "no firmware");
    if (answer < 0x80) {
      std::ranges::copy(request, response.begin());
      return abi::snp::CommandStatus::success;
    }
    return static_cast<abi::snp::CommandStatus>(answer & 0x7FU);
  }

 private:
  Input& input_;
};

class Guest final : public hypervisor::VcpuBackend {
 public:
  Guest(Input& input, MutableByteView memory)
      : input_(input),
        memory_(memory),
        ghcb_(memory.subspan(ghcb_gpa).first<page_size>(), ghcb_gpa) {}

  Result<hypervisor::GuestExit> enter(std::uint64_t /*ghcb_msr*/) override {
    if (steps_ == 0) {
      ++steps_;
      return leave(msr::encode_register_gpa_request(ghcb_gpa / page_size));
    }
    if (input_.finished() || steps_ == steps_max) {
      return hypervisor::GuestExit{hypervisor::Shutdown{}};
    }
    ++steps_;
    return step();
  }

 private:
  static hypervisor::GuestExit leave(std::uint64_t ghcb_msr) {
    return hypervisor::Vmgexit{ghcb_msr};
  }

  Result<hypervisor::GuestExit> step() {
    switch (input_.u8() % 8U) {
      case 0:
        return leave(input_.u64());
      case 1:
        return hypervisor::GuestExit{hypervisor::Interrupted{}};
      case 2:
        return fail(Code::closed, "the machine is gone");
      case 3:
        return leave(msr_request());
      case 4:
        change_page_states();
        break;
      case 5:
        scribble();
        break;
      case 6:  // the same event again, with whatever the page holds
        break;
      default:
        fill_event();
        break;
    }
    return leave(input_.u8() == 0xFF ? gpa() : ghcb_gpa);
  }

  std::uint64_t gpa() {
    const std::uint8_t where = input_.u8();
    if (where < 0xF0) return (where % (pages + 2)) * page_size;
    if (where < 0xF8) return ~std::uint64_t{0xFFF};
    return input_.u64();
  }

  std::uint64_t msr_request() {
    static constexpr std::array infos{msr::info_sev_info_request,
                                      msr::info_cpuid_request,
                                      msr::info_ap_reset_hold_request,
                                      msr::info_preferred_gpa_request,
                                      msr::info_register_gpa_request,
                                      msr::info_page_state_change_request,
                                      msr::info_hypervisor_features_request,
                                      msr::info_termination_request,
                                      msr::info_run_vmpl_request};
    const std::uint64_t info = input_.one_of(infos);
    if (info == msr::info_register_gpa_request) return msr::compose(info, gpa() / page_size);
    return msr::compose(info, input_.u64());
  }

  void fill_event() {
    static constexpr std::array events{event::guest_request,
                                       event::extended_guest_request,
                                       event::extended_guest_request,
                                       event::page_state_change,
                                       event::ap_creation,
                                       event::hypervisor_features,
                                       event::termination_request,
                                       event::unsupported_event,
                                       event::run_vmpl};
    const std::uint64_t code = input_.one_of(events);
    const std::uint64_t request = gpa();
    const std::uint64_t response = gpa();
    ghcb_.begin(code, request, response);
    if (input_.flag()) ghcb_.set(offsetof(Page, rax), gpa());
    if (input_.flag()) ghcb_.set(offsetof(Page, rbx), input_.flag() ? input_.u64() : input_.u8());
    if (input_.flag()) ghcb_.set(offsetof(Page, sw_scratch), input_.flag() ? input_.u64() : gpa());
    if (request < private_gpa && input_.flag()) {
      memory_[request + offsetof(abi::snp::MessageHeader, msg_type)] = input_.u8() % 8U;
    }
  }

  void change_page_states() {
    ghcb_.begin(event::page_state_change, 0, 0);
    const std::uint64_t start = input_.u8() == 0 ? input_.below(abi::ghcb::shared_buffer_size) : 0;
    ghcb_.set(offsetof(Page, sw_scratch), ghcb_gpa + offsetof(Page, shared_buffer) + start);
    const std::size_t count = input_.u8() % 8U;
    MutableByteView buffer =
        memory_.subspan(ghcb_gpa + offsetof(Page, shared_buffer), abi::ghcb::shared_buffer_size);
    put(buffer, 0,
        ByteView(
            std::array{input_.u8() % 4U == 0 ? input_.u8() : std::uint8_t{0}, std::uint8_t{0}}));
    const std::size_t last = input_.u8() == 0xFF ? input_.u16() : count;
    put(buffer, offsetof(psc::Header, end_entry),
        std::array{static_cast<std::uint8_t>(last), static_cast<std::uint8_t>(last >> 8U)});
    std::uint64_t gfn = input_.u8();
    for (std::size_t i = 0; i <= count; ++i) {
      const std::uint8_t kind = input_.u8();
      const psc::Entry entry{
          .gfn = gfn,
          .cur_page = static_cast<std::uint16_t>((kind & 0x40U) != 0 ? input_.u16() & 0xFFFU : 0U),
          .operation = static_cast<std::uint8_t>(kind & 0x7U),
          .pagesize = static_cast<std::uint8_t>((kind >> 3U) & 1U)};
      const abi::Le64 encoded = psc::encode_entry(entry);
      std::array<std::uint8_t, sizeof(encoded)> bytes{};
      std::memcpy(bytes.data(), &encoded, sizeof(encoded));
      put(buffer, sizeof(psc::Header) + i * sizeof(encoded), bytes);
      gfn += (kind & 0x80U) != 0 ? input_.u8() : (entry.pagesize != 0 ? psc::pages_of_2m : 1U);
    }
  }

  // Not into the private page: that one is the guest's secret.
  void scribble() {
    constexpr std::size_t most = 16;
    for (unsigned count = input_.u8() % 8U; count > 0; --count) {
      const std::size_t at = input_.below(private_gpa - most);
      put(memory_, at, input_.bytes(input_.u8() % most));
    }
  }

  static void put(MutableByteView where, std::size_t at, ByteView bytes) {
    std::ranges::copy(bytes, where.subspan(at).begin());
  }

  Input& input_;
  MutableByteView memory_;
  hypervisor::GuestGhcb ghcb_;
  unsigned steps_ = 0;
};

// The VMM between two runs: answers the exit, or does what it should not.
void answer(Input& input, hypervisor::Vcpu& vcpu, hypervisor::ExitAbi exit_abi) {
  abi::kvm::Run& run = vcpu.run_area();
  const std::uint8_t how = input.u8();
  run.immediate_exit = (how & 1U) != 0 ? 1 : 0;
  run.kvm_valid_regs = how == 0xFE ? 1 : 0;
  run.kvm_dirty_regs = how == 0xFC ? 1 : 0;
  if ((how & 2U) == 0) return;
  static constexpr std::array<std::uint64_t, 8> answers{0,      1,      2,          EIO,
                                                        EAGAIN, ENOSPC, 0xFFFFFFFF, 99};
  const std::uint64_t ret = input.one_of(answers);
  if (run.exit_reason == abi::kvm::exit_hypercall) {
    run.exit.hypercall.ret = ret;
  } else if (exit_abi == hypervisor::ExitAbi::review) {
    run.exit.vmgexit.req_certs.ret = ret;
    run.exit.vmgexit.req_certs.data_npages = input.u64();
  } else {
    run.exit.snp_req_certs.ret = ret;
    run.exit.snp_req_certs.npages = input.u64();
  }
}

void run(Input& input) {
  const std::uint8_t flags = input.u8();
  hypervisor::VmConfig config;
  config.exit_abi = (flags & 1U) != 0 ? hypervisor::ExitAbi::review : hypervisor::ExitAbi::merged;
  config.map_gpa_range_exits = (flags & 2U) == 0;

  Bytes bytes(pages * page_size);
  const MutableByteView secret = MutableByteView(bytes).subspan(private_gpa);
  std::ranges::fill(secret, private_fill);
  hypervisor::GuestMemory memory;
  require(memory.add_region(0, bytes, hypervisor::PageState::shared).has_value(), "memory");
  require(memory.set_state(private_gpa, 1, hypervisor::PageState::private_page).has_value(),
          "a private page");
  Firmware firmware(input);
  hypervisor::Vm vm(config, memory, firmware, extreq::firmware::GuestHandle{1});
  if ((flags & 8U) == 0) require(vm.enable_req_certs() == 0, "certificate exits");
  Guest guest(input, bytes);
  const auto vcpu = vm.create_vcpu(guest);

  for (unsigned count = 0;; ++count) {
    require(count < runs_max, "the runs end");
    const int result = vcpu->run();
    require(result == 0 || result == -EINTR || result == -EINVAL || result == -EIO,
            "KVM_RUN's answers");
    require((result == -EINVAL || result == -EIO) == !vcpu->last_failure().empty(),
            "a failure has words");
    if (result == 0 && vcpu->run_area().exit_reason == abi::kvm::exit_shutdown) break;
    answer(input, *vcpu, config.exit_abi);
  }
  require(std::ranges::all_of(secret, [](auto byte) { return byte == private_fill; }),
          "the host leaves private memory alone");
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  extreq::fuzz::Input input(data, size);
  extreq::fuzz::run(input);
  return 0;
}
