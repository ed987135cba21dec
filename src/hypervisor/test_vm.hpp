// TestVm: one VM with one scripted vCPU and a registered GHCB, for this folder's tests.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "hypervisor/access_log.hpp"
#include "hypervisor/guest_ghcb.hpp"
#include "hypervisor/scripted_backend.hpp"
#include "hypervisor/scripted_guest_requests.hpp"
#include "hypervisor/vm.hpp"

namespace extreq::hypervisor {

[[nodiscard]] inline std::string exit_abi_name(const testing::TestParamInfo<ExitAbi>& tested) {
  return tested.param == ExitAbi::merged ? "merged" : "review";
}

class TestVm {
 public:
  // 32 shared pages from 0 on; the last of them private; nothing behind them.
  static constexpr std::uint64_t page = 4096;
  static constexpr std::uint64_t ghcb_gpa = 1 * page;
  static constexpr std::uint64_t request_gpa = 2 * page;
  static constexpr std::uint64_t response_gpa = 3 * page;
  static constexpr std::uint64_t certs_gpa = 4 * page;
  static constexpr std::uint64_t other_ghcb_gpa = 8 * page;
  static constexpr std::uint64_t private_gpa = 31 * page;
  static constexpr std::uint64_t unmapped_gpa = 32 * page;
  static constexpr std::uint64_t last_page_gpa = 0xFFFFFFFFFFFFF000;
  static constexpr auto guest = firmware::GuestHandle{7};

  enum class CertificateExits : bool { off, on };

  explicit TestVm(const VmConfig& config = {}, CertificateExits exits = CertificateExits::off)
      : bytes_(unmapped_gpa), vm(config, memory, firmware, guest) {
    require(memory.add_region(0, bytes_, PageState::shared).has_value());
    require(memory.set_state(private_gpa, 1, PageState::private_page).has_value());
    if (exits == CertificateExits::on) require(vm.enable_req_certs() == 0);
    vcpu = vm.create_vcpu(backend);
    backend.then_vmgexit(abi::ghcb::msr::encode_register_gpa_request(ghcb_gpa / page));
    backend.then_leave(Interrupted{});
    require(vcpu->run() == -EINTR);
    fill_request(abi::snp::MessageType::report_req);
    memory.set_observer(&log);
  }

  // The guest's own view of its memory.
  [[nodiscard]] MutableByteView at(std::uint64_t gpa, std::size_t length) {
    return MutableByteView(bytes_).subspan(gpa, length);
  }
  [[nodiscard]] std::span<std::uint8_t, page> page_at(std::uint64_t gpa) {
    return std::span<std::uint8_t, page>(bytes_.data() + gpa, page);
  }

  // A message page: a counting pattern with this type in its header.
  void fill_request(abi::snp::MessageType type) {
    std::uint8_t value = 0;
    for (std::uint8_t& byte : at(request_gpa, page)) byte = ++value;
    set_msg_type(type);
  }
  void set_msg_type(abi::snp::MessageType type) {
    at(request_gpa, page)[offsetof(abi::snp::MessageHeader, msg_type)] =
        static_cast<std::uint8_t>(type);
  }
  [[nodiscard]] bool response_is_flipped_request() {
    const MutableByteView request = at(request_gpa, page);
    return std::equal(request.begin(), request.end(), at(response_gpa, page).begin(),
                      [](std::uint8_t a, std::uint8_t b) { return a == (b ^ 0xFF); });
  }

  using Prepare = std::function<void(GuestGhcb&)>;

  // The guest's next step: it fills its GHCB and leaves. The fetches of the event are counted from
  // here on.
  void then_event(std::uint64_t code, std::uint64_t info_1, std::uint64_t info_2,
                  Prepare prepare = {}) {
    backend.then([this, code, info_1, info_2,
                  prepare = std::move(prepare)](std::uint64_t) -> Result<GuestExit> {
      ghcb.begin(code, info_1, info_2);
      if (prepare) prepare(ghcb);
      log.clear();
      return GuestExit{Vmgexit{ghcb_gpa}};
    });
  }
  void then_guest_request(Prepare prepare = {}) {
    then_event(abi::ghcb::event::guest_request, request_gpa, response_gpa, std::move(prepare));
  }
  void then_extended_request(std::uint64_t npages = 4, std::uint64_t gpa = certs_gpa,
                             Prepare prepare = {}) {
    then_event(abi::ghcb::event::extended_guest_request, request_gpa, response_gpa,
               [npages, gpa, prepare = std::move(prepare)](GuestGhcb& target) {
                 target.set(offsetof(abi::ghcb::Page, rax), gpa);
                 target.set(offsetof(abi::ghcb::Page, rbx), npages);
                 if (prepare) prepare(target);
               });
  }

  // Runs until the guest has been entered again with an answer, and stops it there: -EINTR.
  [[nodiscard]] int run_to_answer() {
    backend.then_leave(Interrupted{});
    return vcpu->run();
  }

  [[nodiscard]] std::uint64_t exit_info_1() const {
    return ghcb.get(offsetof(abi::ghcb::Page, sw_exitinfo1));
  }
  [[nodiscard]] std::uint64_t exit_info_2() const {
    return ghcb.get(offsetof(abi::ghcb::Page, sw_exitinfo2));
  }
  [[nodiscard]] std::uint64_t rbx() const { return ghcb.get(offsetof(abi::ghcb::Page, rbx)); }
  // SW_EXITINFO1 says malformed input: the reason. Otherwise 0.
  [[nodiscard]] std::uint64_t malformed() const {
    return exit_info_1() == abi::ghcb::answer::malformed_input ? exit_info_2() : 0;
  }
  [[nodiscard]] std::uint32_t vmm_error() const {
    return abi::ghcb::guest_request::decode_vmm_error(exit_info_2());
  }
  [[nodiscard]] abi::kvm::Run& run_area() { return vcpu->run_area(); }

  // A complete plain request that must succeed: the VM is still in order.
  [[nodiscard]] bool next_request_works() {
    fill_request(abi::snp::MessageType::report_req);
    then_guest_request();
    run_area().kvm_valid_regs = 0;
    run_area().kvm_dirty_regs = 0;
    run_area().immediate_exit = 0;
    return run_to_answer() == -EINTR && exit_info_1() == 0 && exit_info_2() == 0 &&
           response_is_flipped_request();
  }

 private:
  static void require(bool condition) {
    if (!condition) throw std::logic_error("the test's VM cannot be set up");
  }

  Bytes bytes_;

 public:
  GuestMemory memory;
  ScriptedGuestRequests firmware;
  AccessLog log;
  Vm vm;
  ScriptedBackend backend;
  std::unique_ptr<Vcpu> vcpu;
  GuestGhcb ghcb{page_at(ghcb_gpa), ghcb_gpa};
};

}  // namespace extreq::hypervisor
