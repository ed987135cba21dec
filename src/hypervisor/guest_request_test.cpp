#include "hypervisor/guest_request.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

using abi::snp::MessageType;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using SnpStatus = abi::snp::CommandStatus;

TEST(GuestRequest, TheMessageTravelsToTheFirmwareAndItsAnswerBack) {
  TestVm vm;
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_1(), 0U);
  EXPECT_EQ(vm.exit_info_2(), 0U);
  EXPECT_TRUE(vm.response_is_flipped_request());
  ASSERT_EQ(vm.firmware.call_count(), 1U);
  EXPECT_EQ(vm.firmware.calls()[0].guest, TestVm::guest);
  EXPECT_TRUE(std::equal(vm.page_at(TestVm::request_gpa).begin(),
                         vm.page_at(TestVm::request_gpa).end(),
                         vm.firmware.calls()[0].request.begin()));
}

TEST(GuestRequest, NoSharedByteIsFetchedTwice) {
  TestVm vm;
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_THAT(vm.log.bytes_read_again(), IsEmpty());
}

TEST(GuestRequest, EveryMessageTypeGoesToTheFirmware) {
  TestVm vm;
  for (int type = 0; type < 256; ++type) {
    vm.fill_request(static_cast<MessageType>(type));
    vm.then_guest_request();
    ASSERT_EQ(vm.run_to_answer(), -EINTR);
    ASSERT_EQ(vm.exit_info_2(), 0U);
  }
  EXPECT_EQ(vm.firmware.call_count(), 256U);
}

TEST(GuestRequest, AFirmwareStatusGoesToTheGuestAndTheResponsePageIsWrittenAllTheSame) {
  TestVm vm;
  for (const SnpStatus status :
       {SnpStatus::invalid_param, SnpStatus::aead_overflow, static_cast<SnpStatus>(0xFFFFFFFF)}) {
    std::ranges::fill(vm.page_at(TestVm::response_gpa), 0xEE);
    vm.firmware.then_status(status);
    vm.then_guest_request();
    EXPECT_EQ(vm.run_to_answer(), -EINTR);
    EXPECT_EQ(vm.exit_info_1(), 0U);
    EXPECT_EQ(vm.exit_info_2(), static_cast<std::uint32_t>(status)) << "VMM error is 0";
    EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0)) << "not the answer of another request";
  }
  EXPECT_TRUE(vm.next_request_works());
}

TEST(GuestRequest, AResponseOfOneRequestIsNeverSeenByTheNext) {
  TestVm vm;
  EXPECT_TRUE(vm.next_request_works());
  vm.firmware.then_status(SnpStatus::invalid_param);
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0));
}

TEST(GuestRequest, AFirmwareThatDoesNotAnswerEndsTheRunWithEio) {
  TestVm vm;
  vm.firmware.then([](auto, auto) -> Result<SnpStatus> { return fail(Code::io, "PSP is dead"); });
  vm.then_guest_request();
  EXPECT_EQ(vm.vcpu->run(), -EIO);
  EXPECT_THAT(vm.vcpu->last_failure(), HasSubstr("PSP is dead"));
  EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0)) << "nothing is written";
  EXPECT_TRUE(vm.next_request_works());
}

TEST(GuestRequest, AnInvalidInputOfTheFirmwareIsAHostFailureToo) {
  TestVm vm;
  vm.firmware.then(
      [](auto, auto) -> Result<SnpStatus> { return fail(Code::invalid_input, "no such guest"); });
  vm.then_guest_request();
  EXPECT_EQ(vm.vcpu->run(), -EIO);
}

struct AddressRow {
  const char* what;
  std::uint64_t request;
  std::uint64_t response;
  int result;  // -EINTR: the guest is told
};

TEST(GuestRequest, AnUnmappedPageEndsTheRunAndAPrivatePageIsTheGuestsMistake) {
  constexpr std::uint64_t request = TestVm::request_gpa;
  constexpr std::uint64_t response = TestVm::response_gpa;
  const AddressRow rows[] = {
      {"request unmapped", TestVm::unmapped_gpa, response, -EIO},
      {"response unmapped", request, TestVm::unmapped_gpa, -EIO},
      {"request at the end of the address space", TestVm::last_page_gpa, response, -EIO},
      {"response at the end of the address space", request, TestVm::last_page_gpa, -EIO},
      {"request private", TestVm::private_gpa, response, -EINTR},
      {"response private", request, TestVm::private_gpa, -EINTR},
  };
  TestVm vm;
  std::ranges::fill(vm.page_at(TestVm::private_gpa), 0x77);
  for (const AddressRow& row : rows) {
    SCOPED_TRACE(row.what);
    vm.then_event(abi::ghcb::event::guest_request, row.request, row.response);
    if (row.result == -EINTR) {
      EXPECT_EQ(vm.run_to_answer(), -EINTR);
      EXPECT_EQ(vm.malformed(), 5U);
    } else {
      EXPECT_EQ(vm.vcpu->run(), row.result);
      EXPECT_THAT(vm.vcpu->last_failure(), HasSubstr("guest memory"));
    }
    EXPECT_EQ(vm.firmware.call_count(), 0U) << "its counter must not advance";
  }
  EXPECT_THAT(vm.page_at(TestVm::private_gpa), Each(0x77));
  EXPECT_TRUE(vm.next_request_works());
}

TEST(GuestRequest, AResponsePageThatTurnsPrivateMeanwhileIsNotWritten) {
  TestVm vm;
  vm.firmware.then([&](auto, auto response) -> Result<SnpStatus> {
    std::ranges::fill(response, 0x99);
    EXPECT_TRUE(vm.memory.set_state(TestVm::response_gpa, 1, PageState::private_page));
    return SnpStatus::success;
  });
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.malformed(), 5U);
  EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0));
  ASSERT_TRUE(vm.memory.set_state(TestVm::response_gpa, 1, PageState::shared));
  EXPECT_TRUE(vm.next_request_works());
}

TEST(GuestRequest, TheFirmwareWorksOnCopiesThatTheGuestCannotReach) {
  TestVm vm;
  vm.firmware.then([&](auto request, auto response) -> Result<SnpStatus> {
    const Bytes before(request.begin(), request.end());
    std::ranges::fill(vm.page_at(TestVm::request_gpa), 0);
    EXPECT_TRUE(std::ranges::equal(before, request));
    std::ranges::fill(response, 0x55);
    EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0)) << "not before the firmware has ended";
    return SnpStatus::success;
  });
  vm.then_guest_request();
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_THAT(vm.page_at(TestVm::response_gpa), Each(0x55));
}

TEST(GuestRequest, OneVmHasOneRequestAtATimeInTheFirmware) {
  TestVm vm;
  constexpr int requests = 10;
  // The other vCPU gets every chance to be in the firmware too.
  const auto patient = [&vm](auto, auto) -> Result<SnpStatus> {
    for (int wait = 0; wait < 500 && vm.firmware.most_at_once() < 2; ++wait) {
      std::this_thread::yield();
    }
    return SnpStatus::success;
  };
  ScriptedBackend other_backend;
  const auto other = vm.vm.create_vcpu(other_backend);
  GuestGhcb other_ghcb(vm.page_at(TestVm::other_ghcb_gpa), TestVm::other_ghcb_gpa);
  other_backend.then_vmgexit(
      abi::ghcb::msr::encode_register_gpa_request(TestVm::other_ghcb_gpa / TestVm::page));
  for (int i = 0; i < requests; ++i) {
    vm.firmware.then(patient).then(patient);
    vm.then_guest_request();
    other_backend.then([&](std::uint64_t) -> Result<GuestExit> {
      other_ghcb.begin(abi::ghcb::event::guest_request, TestVm::certs_gpa,
                       TestVm::certs_gpa + TestVm::page);
      return GuestExit{Vmgexit{TestVm::other_ghcb_gpa}};
    });
  }
  std::thread thread([&] { EXPECT_EQ(other->run(), 0); });
  EXPECT_EQ(vm.vcpu->run(), 0) << "shutdown at the end of the script";
  thread.join();
  EXPECT_EQ(vm.firmware.call_count(), 2U * requests);
  EXPECT_EQ(vm.firmware.most_at_once(), 1U);
}

}  // namespace
}  // namespace extreq::hypervisor
