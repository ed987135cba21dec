#include "hypervisor/ghcb.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/access_log.hpp"
#include "hypervisor/guest_ghcb.hpp"

namespace extreq::hypervisor {
namespace {

using abi::ghcb::Page;
constexpr std::uint64_t gpa = 0x3000;

class GhcbTest : public testing::Test {
 protected:
  GhcbTest() {
    EXPECT_TRUE(memory_.add_region(gpa, bytes_, PageState::shared));
    guest_.begin(0x80000012, 0x1111, 0x2222);
    guest_.set(offsetof(Page, rax), 0xAAAA);
    guest_.set(offsetof(Page, rcx), 0xCCCC);
    guest_.set(offsetof(Page, rdx), 0xDDDD);
    guest_.set(offsetof(Page, rbx), 0xBBBB);
    guest_.set(offsetof(Page, sw_scratch), 0x5555);
    memory_.set_observer(&log_);
  }

  Bytes bytes_ = Bytes(abi::ghcb::page_size);
  GuestMemory memory_;
  AccessLog log_;
  GuestGhcb guest_{std::span<std::uint8_t, abi::ghcb::page_size>(bytes_), gpa};
};

TEST_F(GhcbTest, OpeningFetchesTheFieldsAndClearsTheValidBitmap) {
  const auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  EXPECT_EQ(ghcb->gpa(), gpa);
  EXPECT_EQ(ghcb->usage(), 0U);
  EXPECT_EQ(ghcb->exit_code(), 0x80000012U);
  EXPECT_EQ(ghcb->exit_info_1(), 0x1111U);
  EXPECT_EQ(ghcb->exit_info_2(), 0x2222U);
  EXPECT_EQ(ghcb->scratch(), 0x5555U);
  EXPECT_EQ(ghcb->rax(), 0xAAAAU);
  EXPECT_EQ(ghcb->rbx(), 0xBBBBU);
  EXPECT_TRUE(ghcb->was_valid(offsetof(Page, rax)));
  EXPECT_FALSE(ghcb->was_valid(offsetof(Page, r8)));
  for (std::size_t field = 0; field < 0x400; field += 8) EXPECT_FALSE(guest_.is_valid(field));
}

TEST_F(GhcbTest, EachByteOfThePageIsFetchedAtMostOnce) {
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  ghcb->answer_no_action(0);
  ghcb->answer_malformed(4);
  ghcb->close();
  EXPECT_THAT(log_.bytes_read_again(), testing::IsEmpty());
}

TEST_F(GhcbTest, FieldsThatAreNotMarkedValidAreZeroButForTheExit) {
  for (const std::size_t field :
       {offsetof(Page, rax), offsetof(Page, rbx), offsetof(Page, rcx), offsetof(Page, rdx),
        offsetof(Page, sw_scratch), offsetof(Page, sw_exitcode), offsetof(Page, sw_exitinfo1)}) {
    guest_.mark_invalid(field);
  }
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  EXPECT_EQ(ghcb->rax(), 0U);
  EXPECT_EQ(ghcb->rbx(), 0U);
  EXPECT_EQ(ghcb->scratch(), 0U);
  EXPECT_EQ(ghcb->exit_code(), 0x80000012U);
  EXPECT_EQ(ghcb->exit_info_1(), 0x1111U);
  ghcb->close();
  EXPECT_EQ(guest_.get(offsetof(Page, rax)), 0U);
  EXPECT_EQ(guest_.get(offsetof(Page, rcx)), 0U);
  EXPECT_EQ(guest_.get(offsetof(Page, rdx)), 0U);
}

TEST_F(GhcbTest, WhatTheGuestChangesLaterChangesNothing) {
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  guest_.begin(0x80000011, 7, 8);
  guest_.set(offsetof(Page, rax), 9);
  EXPECT_EQ(ghcb->exit_code(), 0x80000012U);
  EXPECT_EQ(ghcb->exit_info_1(), 0x1111U);
  EXPECT_EQ(ghcb->rax(), 0xAAAAU);
  ghcb->close();
  EXPECT_EQ(guest_.get(offsetof(Page, rax)), 0xAAAAU);
}

TEST_F(GhcbTest, AnAnswerIsWrittenAndMarkedValid) {
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  ghcb->answer_no_action(0x123456789);
  EXPECT_EQ(guest_.get(offsetof(Page, sw_exitinfo1)), 0U);
  EXPECT_EQ(guest_.get(offsetof(Page, sw_exitinfo2)), 0x123456789U);
  EXPECT_TRUE(guest_.is_valid(offsetof(Page, sw_exitinfo1)));
  EXPECT_TRUE(guest_.is_valid(offsetof(Page, sw_exitinfo2)));
  EXPECT_FALSE(guest_.is_valid(offsetof(Page, sw_exitcode)));
  EXPECT_FALSE(guest_.is_valid(offsetof(Page, rbx)));
  ghcb->answer_malformed(5);
  EXPECT_EQ(guest_.get(offsetof(Page, sw_exitinfo1)), 2U);
  EXPECT_EQ(guest_.get(offsetof(Page, sw_exitinfo2)), 5U);
}

TEST_F(GhcbTest, ClosingReturnsTheFourRegistersAndTheirValidBits) {
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  ghcb->answer_no_action(0);
  ghcb->set_rbx(17);
  EXPECT_EQ(guest_.get(offsetof(Page, rbx)), 0xBBBBU) << "not before the guest is entered";
  ghcb->close();
  EXPECT_EQ(guest_.get(offsetof(Page, rax)), 0xAAAAU);
  EXPECT_EQ(guest_.get(offsetof(Page, rcx)), 0xCCCCU);
  EXPECT_EQ(guest_.get(offsetof(Page, rdx)), 0xDDDDU);
  EXPECT_EQ(guest_.get(offsetof(Page, rbx)), 17U);
  std::size_t valid = 0;
  for (std::size_t field = 0; field < 0x400; field += 8) valid += guest_.is_valid(field) ? 1 : 0;
  EXPECT_EQ(valid, 6U) << "RAX, RCX, RDX, RBX and both SW_EXITINFO";
  for (const std::size_t field :
       {offsetof(Page, rax), offsetof(Page, rcx), offsetof(Page, rdx), offsetof(Page, rbx)}) {
    EXPECT_TRUE(guest_.is_valid(field));
  }
}

TEST_F(GhcbTest, APageThatIsNotAccessibleIsNotOpenedAndNotTouched) {
  const Bytes before = bytes_;
  ASSERT_TRUE(memory_.set_state(gpa, 1, PageState::private_page));
  EXPECT_FALSE(Ghcb::open(memory_, gpa));
  EXPECT_FALSE(Ghcb::open(memory_, gpa + 0x1000));
  EXPECT_EQ(bytes_, before);
}

TEST_F(GhcbTest, AnswersToAPageThatTheGuestTookAwayAreDropped) {
  auto ghcb = Ghcb::open(memory_, gpa);
  ASSERT_TRUE(ghcb);
  ASSERT_TRUE(memory_.set_state(gpa, 1, PageState::private_page));
  const Bytes before = bytes_;
  ghcb->answer_no_action(1);
  ghcb->close();
  EXPECT_EQ(bytes_, before);
}

}  // namespace
}  // namespace extreq::hypervisor
