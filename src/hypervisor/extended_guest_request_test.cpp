#include "hypervisor/extended_guest_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
using abi::ghcb::Page;
using abi::snp::MessageType;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using SnpStatus = abi::snp::CommandStatus;

constexpr std::uint64_t msg_type_gpa =
    TestVm::request_gpa + offsetof(abi::snp::MessageHeader, msg_type);

// ---------------------------------------------------------------------------------------------
// Without certificate exits.

TEST(ExtendedGuestRequest, WithoutExitsTheGuestGetsAnEmptyTableAndItsReport) {
  TestVm vm;
  std::ranges::fill(vm.at(TestVm::certs_gpa, 2 * TestVm::page), 0xEE);
  vm.then_extended_request(2);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_2(), 0U);
  EXPECT_TRUE(vm.response_is_flipped_request());
  EXPECT_THAT(vm.at(TestVm::certs_gpa, 24), Each(0));
  EXPECT_THAT(vm.at(TestVm::certs_gpa + 24, 2 * TestVm::page - 24), Each(0xEE));
  EXPECT_EQ(vm.rbx(), 2U);
}

TEST(ExtendedGuestRequest, WithoutExitsAndPagesNothingButTheReportIsWritten) {
  TestVm vm;
  std::ranges::fill(vm.at(TestVm::certs_gpa, TestVm::page), 0xEE);
  vm.then_extended_request(0);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.exit_info_2(), 0U);
  EXPECT_TRUE(vm.response_is_flipped_request());
  EXPECT_THAT(vm.at(TestVm::certs_gpa, TestVm::page), Each(0xEE));
}

TEST(ExtendedGuestRequest, WithoutExitsTheCertificatePageIsCheckedLikeTheOthers) {
  TestVm vm;
  vm.then_extended_request(1, TestVm::private_gpa);
  EXPECT_EQ(vm.run_to_answer(), -EINTR);
  EXPECT_EQ(vm.malformed(), 5U);
  for (const std::uint64_t gpa : {TestVm::unmapped_gpa, TestVm::last_page_gpa}) {
    vm.then_extended_request(1, gpa);
    EXPECT_EQ(vm.vcpu->run(), -EIO);
    vm.then_extended_request(0, gpa);
    EXPECT_EQ(vm.run_to_answer(), -EINTR) << "a page that nobody needs";
    EXPECT_EQ(vm.exit_info_2(), 0U);
  }
  EXPECT_EQ(vm.firmware.call_count(), 2U);
  EXPECT_TRUE(vm.next_request_works());
}

// ---------------------------------------------------------------------------------------------
// With certificate exits, in both forms.

class CertificateExit : public testing::TestWithParam<ExitAbi> {
 protected:
  CertificateExit() : vm_({.exit_abi = GetParam()}, TestVm::CertificateExits::on) {}

  [[nodiscard]] bool is_merged() const { return GetParam() == ExitAbi::merged; }
  [[nodiscard]] bool at_exit() {
    if (is_merged()) return vm_.run_area().exit_reason == 43;
    return vm_.run_area().exit_reason == 40 && vm_.run_area().exit.vmgexit.exit_code == 0x80000012;
  }
  [[nodiscard]] std::uint64_t& gpa() {
    kvm::Exit& exit = vm_.run_area().exit;
    return is_merged() ? exit.snp_req_certs.gpa : exit.vmgexit.req_certs.data_gpa;
  }
  [[nodiscard]] std::uint64_t& npages() {
    kvm::Exit& exit = vm_.run_area().exit;
    return is_merged() ? exit.snp_req_certs.npages : exit.vmgexit.req_certs.data_npages;
  }
  [[nodiscard]] std::uint64_t& ret() {
    kvm::Exit& exit = vm_.run_area().exit;
    return is_merged() ? exit.snp_req_certs.ret : exit.vmgexit.req_certs.ret;
  }
  [[nodiscard]] std::uint64_t too_small() const { return is_merged() ? ENOSPC : 1; }
  [[nodiscard]] std::uint64_t busy() const { return is_merged() ? EAGAIN : 2; }
  [[nodiscard]] std::uint64_t failed() const { return is_merged() ? EIO : 0xFFFFFFFF; }

  // The guest's request has left to user space.
  void leave(std::uint64_t guest_npages = 4, std::uint64_t guest_gpa = TestVm::certs_gpa) {
    vm_.then_extended_request(guest_npages, guest_gpa);
    ASSERT_EQ(vm_.vcpu->run(), 0);
    ASSERT_TRUE(at_exit());
  }

  TestVm vm_;
};

const auto both_forms = testing::Values(ExitAbi::merged, ExitAbi::review);
INSTANTIATE_TEST_SUITE_P(Abi, CertificateExit, both_forms, exit_abi_name);

TEST_P(CertificateExit, CarriesTheGuestsAddressAndPagesAndComesBeforeTheFirmware) {
  leave();
  EXPECT_EQ(gpa(), TestVm::certs_gpa);
  EXPECT_EQ(npages(), 4U);
  EXPECT_EQ(ret(), 0U);
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
}

TEST_P(CertificateExit, PassesRaxAndRbxVerbatimBecauseOnlyAlignmentIsChecked) {
  for (const std::uint64_t address :
       {std::uint64_t{0}, TestVm::private_gpa, TestVm::unmapped_gpa, TestVm::last_page_gpa}) {
    for (const std::uint64_t pages :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 52, ~std::uint64_t{0}}) {
      leave(pages, address);
      EXPECT_EQ(gpa(), address);
      EXPECT_EQ(npages(), pages);
      EXPECT_EQ(vm_.run_to_answer(), -EINTR);
      EXPECT_EQ(vm_.exit_info_2(), 0U);
    }
  }
}

TEST_P(CertificateExit, RetZeroIssuesTheRequestAndUserSpacesTableIsThere) {
  leave();
  ASSERT_TRUE(vm_.memory.write(gpa(), Bytes(100, 0xC3)));
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_1(), 0U);
  EXPECT_EQ(vm_.exit_info_2(), 0U);
  EXPECT_EQ(vm_.rbx(), 4U);
  EXPECT_TRUE(vm_.response_is_flipped_request());
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
  EXPECT_THAT(vm_.at(TestVm::certs_gpa, 100), Each(0xC3));
}

TEST_P(CertificateExit, AFirmwareStatusAfterCertificatesIsStillTheFirmwares) {
  leave();
  vm_.firmware.then_status(SnpStatus::invalid_param);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_2(), 0x16U);
}

TEST_P(CertificateExit, TooSmallTellsTheGuestHowManyPagesUserSpaceNeeds) {
  for (const std::uint64_t need : {std::uint64_t{5}, std::uint64_t{0}, ~std::uint64_t{0}}) {
    leave();
    ret() = too_small();
    npages() = need;
    EXPECT_EQ(vm_.run_to_answer(), -EINTR);
    EXPECT_EQ(vm_.exit_info_2(), std::uint64_t{1} << 32);
    EXPECT_EQ(vm_.rbx(), need) << "verbatim: what it means is between user space and guest";
    EXPECT_TRUE(vm_.ghcb.is_valid(offsetof(Page, rbx)));
  }
  EXPECT_EQ(vm_.firmware.call_count(), 0U) << "the message was not consumed";
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, NpagesIsIgnoredWithEveryOtherAnswer) {
  for (const std::uint64_t answer : {std::uint64_t{0}, busy(), failed()}) {
    leave();
    ret() = answer;
    npages() = 77;
    EXPECT_EQ(vm_.run_to_answer(), -EINTR);
    EXPECT_EQ(vm_.rbx(), 4U);
  }
}

TEST_P(CertificateExit, BusyTellsTheGuestToRetry) {
  leave();
  ret() = busy();
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_1(), 0U);
  EXPECT_EQ(vm_.exit_info_2(), std::uint64_t{2} << 32);
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, FailedIsKvmsGenericErrorForTheGuest) {
  leave();
  ret() = failed();
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_2(), 0xFFFFFFFF'00000000);
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, AnAnswerThatDoesNotExistEndsTheRunWithEinval) {
  for (const std::uint64_t answer :
       {std::uint64_t{EINVAL}, std::uint64_t{3}, is_merged() ? 1 : std::uint64_t{ENOSPC},
        ~std::uint64_t{0}, std::uint64_t{1} << 32}) {
    leave();
    ret() = answer;
    EXPECT_EQ(vm_.vcpu->run(), -EINVAL);
    EXPECT_THAT(vm_.vcpu->last_failure(), testing::HasSubstr("ret is"));
    EXPECT_EQ(vm_.firmware.call_count(), 0U);
  }
  EXPECT_TRUE(vm_.next_request_works()) << "the guest goes on, without an answer to the last one";
}

TEST_P(CertificateExit, ImmediateExitReturnsAfterTheFirmwareHasSigned) {
  leave();
  vm_.run_area().immediate_exit = 1;
  EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
  EXPECT_TRUE(vm_.response_is_flipped_request());
  EXPECT_FALSE(vm_.backend.entries().empty());
  const std::size_t entries = vm_.backend.entries().size();
  EXPECT_EQ(vm_.vcpu->run(), -EINTR) << "nothing is pending any more";
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
  EXPECT_EQ(vm_.backend.entries().size(), entries) << "the guest was not entered";
}

TEST_P(CertificateExit, AKickAfterTheExitDoesNotComeBeforeItsCompletion) {
  leave();
  vm_.backend.then_leave(Interrupted{});  // a signal while user space served the exit
  EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_intr);
  EXPECT_EQ(vm_.firmware.call_count(), 1U);
}

TEST_P(CertificateExit, OnlyARequestForAReportLeavesToUserSpace) {
  for (int type = 0; type < 256; ++type) {
    if (type == 5) continue;
    vm_.fill_request(static_cast<MessageType>(type));
    vm_.then_extended_request(0, 0x123);  // not looked at for other types
    ASSERT_EQ(vm_.run_to_answer(), -EINTR) << type;
    ASSERT_EQ(vm_.exit_info_2(), 0U) << type;
    ASSERT_TRUE(vm_.response_is_flipped_request());
  }
  EXPECT_EQ(vm_.firmware.call_count(), 255U);
}

TEST_P(CertificateExit, APlainGuestRequestForAReportDoesNotLeave) {
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, RaxOrRbxNotValidOrRaxUnalignedIsInvalidInput) {
  const TestVm::Prepare rows[] = {
      [](GuestGhcb& ghcb) { ghcb.mark_invalid(offsetof(Page, rax)); },
      [](GuestGhcb& ghcb) { ghcb.mark_invalid(offsetof(Page, rbx)); },
      [](GuestGhcb& ghcb) { ghcb.set(offsetof(Page, rax), TestVm::certs_gpa + 1); },
      [](GuestGhcb& ghcb) { ghcb.set(offsetof(Page, rax), TestVm::certs_gpa + 0x800); },
      [](GuestGhcb& ghcb) { ghcb.set(offsetof(Page, rax), ~std::uint64_t{0}); },
  };
  for (const auto& row : rows) {
    vm_.then_extended_request(4, TestVm::certs_gpa, row);
    EXPECT_EQ(vm_.run_to_answer(), -EINTR);
    EXPECT_EQ(vm_.malformed(), 5U);
  }
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, ARequestPageThatIsPrivateOrUnmappedIsMetAtThePeek) {
  const auto with_request = [this](std::uint64_t gpa) {
    vm_.then_event(abi::ghcb::event::extended_guest_request, gpa, TestVm::response_gpa);
  };
  with_request(TestVm::private_gpa);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.malformed(), 5U);
  for (const std::uint64_t gpa : {TestVm::unmapped_gpa, TestVm::last_page_gpa}) {
    with_request(gpa);
    EXPECT_EQ(vm_.vcpu->run(), -EIO);
  }
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, APageThatTurnsPrivateWhileUserSpaceServesIsTheGuestsMistake) {
  for (const std::uint64_t gpa : {TestVm::request_gpa, TestVm::response_gpa}) {
    leave();
    ASSERT_TRUE(vm_.memory.set_state(gpa, 1, PageState::private_page));
    EXPECT_EQ(vm_.run_to_answer(), -EINTR);
    EXPECT_EQ(vm_.malformed(), 5U);
    EXPECT_EQ(vm_.firmware.call_count(), 0U);
    ASSERT_TRUE(vm_.memory.set_state(gpa, 1, PageState::shared));
  }
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, NoSharedByteIsFetchedTwiceButThePeekedType) {
  leave();
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_THAT(vm_.log.bytes_read_again(), ElementsAre(msg_type_gpa));
}

TEST_P(CertificateExit, ATypeSwappedAfterThePeekReachesTheFirmwareAsItThenIs) {
  leave();
  vm_.set_msg_type(MessageType::key_req);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  ASSERT_EQ(vm_.firmware.call_count(), 1U);
  EXPECT_EQ(vm_.firmware.calls()[0].request[0x34], 3) << "the firmware decides";
  EXPECT_EQ(vm_.exit_info_2(), 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, ATypeSwappedIntoAReportRequestAfterThePeekBringsNoCertificates) {
  vm_.set_msg_type(MessageType::key_req);
  bool swapped = false;
  vm_.log.set_hook([&](const AccessLog::Access& access) {
    if (access.gpa == msg_type_gpa && access.length == 1) {
      vm_.set_msg_type(MessageType::report_req);
      swapped = true;
    }
  });
  vm_.then_extended_request();
  EXPECT_EQ(vm_.run_to_answer(), -EINTR)
      << "no exit: it was no report request when it was looked at";
  EXPECT_TRUE(swapped);
  ASSERT_EQ(vm_.firmware.call_count(), 1U);
  EXPECT_EQ(vm_.firmware.calls()[0].request[0x34], 5);
  vm_.log.set_hook({});
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(CertificateExit, AGhcbRewrittenDuringTheExitChangesNothing) {
  leave();
  vm_.ghcb.begin(abi::ghcb::event::guest_request, TestVm::private_gpa, TestVm::unmapped_gpa);
  vm_.ghcb.set(offsetof(Page, rbx), 0);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_EQ(vm_.exit_info_1(), 0U);
  EXPECT_EQ(vm_.exit_info_2(), 0U);
  EXPECT_EQ(vm_.rbx(), 4U);
  EXPECT_TRUE(vm_.response_is_flipped_request());
}

}  // namespace
}  // namespace extreq::hypervisor
