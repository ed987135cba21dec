#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace event = abi::ghcb::event;
namespace kvm = abi::kvm;
using abi::ghcb::Page;

struct Row {
  const char* what;
  std::uint64_t code;
  std::uint64_t info_1;
  std::uint64_t info_2;
  std::function<void(GuestGhcb&)> prepare;
  std::uint64_t reason;
};

void clear_usage(GuestGhcb& ghcb, std::uint8_t value) {
  ghcb.write(offsetof(Page, usage), Bytes{value, 0, 0, 0});
}

TEST(NaeEvent, MalformedInputIsAnsweredWithKvmsReason) {
  constexpr std::uint64_t request = TestVm::request_gpa;
  constexpr std::uint64_t response = TestVm::response_gpa;
  const auto nothing = [](GuestGhcb&) {};
  const auto usage = [](std::uint8_t value) {
    return [value](GuestGhcb& ghcb) { clear_usage(ghcb, value); };
  };
  const auto without = [](std::size_t field) {
    return [field](GuestGhcb& ghcb) { ghcb.mark_invalid(field); };
  };
  const Row rows[] = {
      {"usage 1", event::hypervisor_features, 0, 0, usage(1), 2},
      {"usage before validity", event::hypervisor_features, 0, 0,
       [](GuestGhcb& ghcb) {
         clear_usage(ghcb, 0xFF);
         ghcb.mark_invalid(offsetof(Page, sw_exitcode));
       },
       2},
      {"SW_EXITCODE not valid", event::hypervisor_features, 0, 0,
       without(offsetof(Page, sw_exitcode)), 4},
      {"SW_EXITINFO1 not valid", event::hypervisor_features, 0, 0,
       without(offsetof(Page, sw_exitinfo1)), 4},
      {"SW_EXITINFO2 not valid", event::hypervisor_features, 0, 0,
       without(offsetof(Page, sw_exitinfo2)), 4},
      {"validity before the event", 0x77, 0, 0, without(offsetof(Page, sw_exitinfo2)), 4},
      {"request unaligned", event::guest_request, request + 8, response, nothing, 4},
      {"response unaligned", event::guest_request, request, response + 1, nothing, 4},
      {"request and response equal", event::guest_request, request, request, nothing, 4},
      {"both zero", event::guest_request, 0, 0, nothing, 4},
      {"extended, request unaligned", event::extended_guest_request, request + 0x800, response,
       nothing, 4},
      {"extended, response unaligned", event::extended_guest_request, request, ~std::uint64_t{0},
       nothing, 4},
      {"extended, equal", event::extended_guest_request, response, response, nothing, 4},
      {"page state change without scratch", event::page_state_change, 0, 0, nothing, 4},
      {"AP creation without RAX", event::ap_creation, 1, 0, nothing, 4},
      {"AP creation on INIT without RAX", event::ap_creation, std::uint64_t{2} << 32, 0, nothing,
       4},
      {"AP creation", event::ap_creation, 1, 0x5000,
       [](GuestGhcb& ghcb) { ghcb.set(offsetof(Page, rax), 1); }, 5},
      {"AP destruction", event::ap_creation, std::uint64_t{1} << 32 | 2, 0, nothing, 5},
      {"no event 0", 0, 0, 0, nothing, 6},
      {"CPUID is not emulated", event::cpuid, 0, 0, nothing, 6},
      {"MMIO is not emulated", event::mmio_read, 0, 0, nothing, 6},
      {"run VMPL", event::run_vmpl, 0, 0, nothing, 6},
      {"a code that only begins like one", event::guest_request | std::uint64_t{1} << 32, request,
       response, nothing, 6},
      {"all ones", ~std::uint64_t{0}, 0, 0, nothing, 6},
  };
  TestVm vm;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    vm.then_event(row.code, row.info_1, row.info_2, row.prepare);
    EXPECT_EQ(vm.run_to_answer(), -EINTR);
    EXPECT_EQ(vm.malformed(), row.reason);
    EXPECT_TRUE(vm.ghcb.is_valid(offsetof(Page, sw_exitinfo1)));
    EXPECT_TRUE(vm.ghcb.is_valid(offsetof(Page, sw_exitinfo2)));
    EXPECT_FALSE(vm.ghcb.is_valid(offsetof(Page, sw_exitcode))) << "the guest's bits are cleared";
  }
  EXPECT_EQ(vm.firmware.call_count(), 0U);
  EXPECT_TRUE(vm.next_request_works());
}

TEST(NaeEvent, HypervisorFeaturesAreAnsweredInExitInfo2) {
  TestVm vm({.hypervisor_features = 0x23});
  vm.then_event(event::hypervisor_features, 7, 9);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_1(), 0U);
  EXPECT_EQ(vm.exit_info_2(), 0x23U);
}

TEST(NaeEvent, ByDefaultTheGuestIsToldOfSnpAlone) {
  TestVm vm;
  vm.then_event(event::hypervisor_features, 0, 0);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_2(), 1U);
}

TEST(NaeEvent, TerminationLeavesAsASystemEventWithTheGhcbsAddress) {
  TestVm vm;
  vm.then_event(event::termination_request, 0x10, 0);
  EXPECT_EQ(vm.vcpu->run(), 0);
  EXPECT_EQ(vm.run_area().exit_reason, kvm::exit_system_event);
  EXPECT_EQ(vm.run_area().exit.system_event.type, kvm::system_event_sev_term);
  EXPECT_EQ(vm.run_area().exit.system_event.ndata, 1U);
  EXPECT_EQ(vm.run_area().exit.system_event.data[0], TestVm::ghcb_gpa);
  EXPECT_TRUE(vm.next_request_works());
}

TEST(NaeEvent, TheUnsupportedEventEndsTheRunWithEinval) {
  TestVm vm;
  vm.then_event(event::unsupported_event, 0x123, 0x456);
  EXPECT_EQ(vm.vcpu->run(), -EINVAL);
  EXPECT_THAT(vm.vcpu->last_failure(), testing::HasSubstr("0x123, 0x456"));
  EXPECT_EQ(vm.exit_info_1(), 0U);
  EXPECT_EQ(vm.exit_info_2(), 0U);
  EXPECT_TRUE(vm.next_request_works());
  EXPECT_EQ(vm.vcpu->last_failure(), "");
}

TEST(NaeEvent, AGhcbThatIsNotRegisteredEndsTheRunWithEinval) {
  TestVm vm;
  GuestGhcb other(vm.page_at(TestVm::other_ghcb_gpa), TestVm::other_ghcb_gpa);
  other.begin(event::hypervisor_features, 7, 9);
  vm.backend.then_vmgexit(TestVm::other_ghcb_gpa);
  EXPECT_EQ(vm.vcpu->run(), -EINVAL);
  EXPECT_EQ(vm.vcpu->last_failure(), "VMGEXIT: the GHCB at 0x8000 is not registered");
  EXPECT_EQ(other.get(offsetof(Page, sw_exitinfo2)), 9U) << "nothing is answered";
  EXPECT_FALSE(other.is_valid(offsetof(Page, sw_exitinfo2)))
      << "its valid bitmap is cleared before, as by KVM";
  EXPECT_TRUE(vm.next_request_works());
}

TEST(NaeEvent, AMsrThatIsZeroOrNamesNoAccessiblePageLetsTheGuestGoOn) {
  TestVm vm;
  for (const std::uint64_t gpa :
       {std::uint64_t{0}, TestVm::private_gpa, TestVm::unmapped_gpa, TestVm::last_page_gpa}) {
    SCOPED_TRACE(gpa);
    vm.backend.then_vmgexit(gpa);
    EXPECT_EQ(vm.run_to_answer(), -EINTR);
    EXPECT_EQ(vm.backend.entries().back(), gpa) << "the value is as it was";
  }
  EXPECT_TRUE(vm.log.accesses().empty());
  EXPECT_TRUE(vm.next_request_works());
}

TEST(NaeEvent, AllFourRegistersComeBackWithTheAnswer) {
  TestVm vm;
  vm.then_event(event::hypervisor_features, 0, 0, [](GuestGhcb& ghcb) {
    ghcb.set(offsetof(Page, rax), 1);
    ghcb.set(offsetof(Page, rcx), 2);
    ghcb.set(offsetof(Page, rbx), 4);
    ghcb.write(offsetof(Page, rdx), Bytes{3});  // not marked valid
  });
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.ghcb.get(offsetof(Page, rax)), 1U);
  EXPECT_EQ(vm.ghcb.get(offsetof(Page, rcx)), 2U);
  EXPECT_EQ(vm.ghcb.get(offsetof(Page, rdx)), 0U);
  EXPECT_EQ(vm.ghcb.get(offsetof(Page, rbx)), 4U);
  EXPECT_TRUE(vm.ghcb.is_valid(offsetof(Page, rdx)));
}

}  // namespace
}  // namespace extreq::hypervisor
