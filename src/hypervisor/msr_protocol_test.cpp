#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;

// What the guest reads after it left with this value.
[[nodiscard]] std::uint64_t answer_to(TestVm& vm, std::uint64_t ghcb_msr) {
  vm.backend.then_vmgexit(ghcb_msr);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  return vm.backend.entries().back();
}

TEST(MsrProtocol, TheFirstEntryFindsTheSevInformation) {
  TestVm vm({.c_bit = 39});
  EXPECT_EQ(vm.backend.entries().front(), 0x0002'0001'2700'0001U);
}

TEST(MsrProtocol, EveryRequestIsAnsweredAsKvmDoesIt) {
  TestVm vm({.hypervisor_features = 0x21, .c_bit = 51});
  struct Row {
    const char* what;
    std::uint64_t request;
    std::uint64_t answer;
  };
  const Row rows[] = {
      {"SEV information", 0x002, 0x0002'0001'3300'0001},
      {"preferred GHCB: none", 0x010, 0xFFFF'FFFF'FFFF'F011},
      {"hypervisor features", 0x080, 0x21'081},
      {"registration", 0x12'345'012, 0x12'345'013},
      {"registration of the last frame", 0xFFFF'FFFF'FFFF'F012, 0xFFFF'FFFF'FFFF'F013},
      {"CPUID is left as it is", 0x8000'001F'4000'0004, 0x8000'001F'4000'0004},
      {"AP reset hold is left as it is", 0x006, 0x006},
      {"run VMPL is left as it is", 0x1'0000'0016, 0x1'0000'0016},
      {"an answer is no request", 0x001, 0x001},
      {"unknown", 0xABC'FFF, 0xABC'FFF},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(answer_to(vm, row.request), row.answer);
  }
  EXPECT_TRUE(vm.log.accesses().empty()) << "the MSR protocol touches no memory";
}

TEST(MsrProtocol, ARegisteredGhcbReplacesTheOneBefore) {
  TestVm vm;
  EXPECT_EQ(
      answer_to(vm, abi::ghcb::msr::encode_register_gpa_request(TestVm::other_ghcb_gpa >> 12)),
      abi::ghcb::msr::encode_register_gpa_response(TestVm::other_ghcb_gpa >> 12));
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINVAL) << "the first one is registered no more";
}

TEST(MsrProtocol, TerminationLeavesAsASystemEventWithTheMsr) {
  TestVm vm;
  vm.backend.then_vmgexit(0x2'1100);
  EXPECT_EQ(vm.vcpu->run(), 0);
  EXPECT_EQ(vm.run_area().exit_reason, kvm::exit_system_event);
  EXPECT_EQ(vm.run_area().exit.system_event.type, kvm::system_event_sev_term);
  EXPECT_EQ(vm.run_area().exit.system_event.ndata, 1U);
  EXPECT_EQ(vm.run_area().exit.system_event.data[0], 0x2'1100U);
  EXPECT_TRUE(vm.next_request_works()) << "it is user space that decides to end the VM";
}

struct PageStateRow {
  const char* what;
  std::uint64_t request;
  std::uint64_t args[3];
};

TEST(MsrProtocol, APageStateChangeLeavesToUserSpaceForOnePage) {
  const PageStateRow rows[] = {
      {"private", 0x0010'0000'1234'5014, {0x1234'5000, 1, 1U << 4}},
      {"shared", 0x0020'0000'1234'5014, {0x1234'5000, 1, 0}},
      {"the last frame", 0x002F'FFFF'FFFF'F014, {0xF'FFFF'FFFF'F000, 1, 0}},
  };
  TestVm vm;
  for (const PageStateRow& row : rows) {
    for (const std::uint64_t ret : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
      SCOPED_TRACE(testing::Message() << row.what << " ret " << ret);
      vm.backend.then_vmgexit(row.request);
      ASSERT_EQ(vm.vcpu->run(), 0);
      kvm::ExitHypercall& exit = vm.run_area().exit.hypercall;
      EXPECT_EQ(vm.run_area().exit_reason, kvm::exit_hypercall);
      EXPECT_EQ(exit.nr, kvm::hc_map_gpa_range);
      EXPECT_EQ(exit.ret, 0U);
      EXPECT_THAT(std::span(exit.args).first(3), testing::ElementsAreArray(row.args));
      exit.ret = ret;
      EXPECT_EQ(vm.run_to_answer(), -EINTR);
      EXPECT_EQ(vm.backend.entries().back(), ret == 0 ? 0x015U : 0x8000'0000'0000'0015U);
    }
  }
}

TEST(MsrProtocol, APageStateChangeWithAnotherOperationIsAnError) {
  TestVm vm;
  for (const std::uint64_t operation : {0, 3, 4, 15}) {
    EXPECT_EQ(answer_to(vm, operation << 52 | 0x5014), 0x8000'0000'0000'0015U) << operation;
  }
}

TEST(MsrProtocol, APageStateChangeIsAnErrorWhenItsExitIsNotEnabled) {
  TestVm vm({.map_gpa_range_exits = false});
  EXPECT_EQ(answer_to(vm, 0x0010'0000'0000'5014), 0x8000'0000'0000'0015U);
}

}  // namespace
}  // namespace extreq::hypervisor
