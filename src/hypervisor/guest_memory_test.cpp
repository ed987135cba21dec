#include "hypervisor/guest_memory.hpp"

#include <limits>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/access_log.hpp"

namespace extreq::hypervisor {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr std::uint64_t page = guest_page_size;
constexpr std::uint64_t high = 0x100000000;

class GuestMemoryTest : public testing::Test {
 protected:
  GuestMemoryTest() {
    // Two neighbours (the second was added first), and one far away.
    EXPECT_TRUE(memory_.add_region(4 * page, second_, PageState::shared));
    EXPECT_TRUE(memory_.add_region(0, first_, PageState::shared));
    EXPECT_TRUE(memory_.add_region(high, far_, PageState::private_page));
  }

  Bytes first_ = Bytes(4 * page, 0x11);
  Bytes second_ = Bytes(2 * page, 0x22);
  Bytes far_ = Bytes(page, 0x33);
  GuestMemory memory_;
};

TEST_F(GuestMemoryTest, ASharedRangeIsReadAndWrittenAcrossPagesAndRegions) {
  Bytes bytes(2 * page);
  ASSERT_TRUE(memory_.read(3 * page, bytes));
  EXPECT_THAT(ByteView(bytes).first(page), Each(0x11));
  EXPECT_THAT(ByteView(bytes).last(page), Each(0x22));

  ASSERT_TRUE(memory_.write(4 * page - 3, Bytes{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(first_[4 * page - 4], 0x11);
  EXPECT_EQ(first_[4 * page - 1], 3);
  EXPECT_EQ(second_[0], 4);
  EXPECT_EQ(second_[3], 0x22);
}

TEST_F(GuestMemoryTest, AnUnmappedPageIsRefusedAndNothingIsCopied) {
  Bytes bytes(2 * page, 0xEE);
  const Status read = memory_.read(5 * page, bytes);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::not_found);
  EXPECT_EQ(read.error().message,
            "guest memory 0x5000, 0x2000 bytes: the page of 0x6000 is not mapped");
  EXPECT_THAT(bytes, Each(0xEE));

  EXPECT_EQ(memory_.write(5 * page, bytes).error().code, Code::not_found);
  EXPECT_THAT(second_, Each(0x22));
}

TEST_F(GuestMemoryTest, APrivatePageIsRefusedWithAnotherCodeAndNothingIsCopied) {
  ASSERT_TRUE(memory_.set_state(page, 1, PageState::private_page));
  Bytes bytes(2 * page, 0xEE);
  const Status write = memory_.write(0, bytes);
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().code, Code::invalid_input);
  EXPECT_THAT(write.error().message, HasSubstr("the page of 0x1000 is private"));
  EXPECT_THAT(first_, Each(0x11));
  EXPECT_EQ(memory_.read(high, MutableByteView(bytes).first(1)).error().code, Code::invalid_input);
  EXPECT_THAT(bytes, Each(0xEE));
}

TEST_F(GuestMemoryTest, ARangeThatWrapsAroundIsRefused) {
  constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  Bytes bytes(page);
  for (const std::uint64_t gpa : {last, last - page + 2, last & ~(page - 1)}) {
    const Status read = memory_.read(gpa, bytes);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::not_found) << gpa;
  }
  EXPECT_THAT(memory_.read(last, bytes).error().message, HasSubstr("wraps around"));
  EXPECT_EQ(memory_.check(1, last).error().code, Code::not_found);
  EXPECT_EQ(memory_.check(page, last).error().code, Code::not_found);
}

TEST_F(GuestMemoryTest, ARangeOfNoBytesIsAlwaysAllowed) {
  EXPECT_TRUE(memory_.check(high + 7 * page, 0));
  EXPECT_TRUE(memory_.read(std::numeric_limits<std::uint64_t>::max(), {}));
}

TEST_F(GuestMemoryTest, AStateChangesForAllPagesOrForNone) {
  EXPECT_EQ(memory_.set_state(4 * page, 3, PageState::private_page).error().code, Code::not_found);
  EXPECT_EQ(memory_.state(4 * page), PageState::shared);
  ASSERT_TRUE(memory_.set_state(3 * page, 3, PageState::unmapped));
  EXPECT_EQ(memory_.state(3 * page - 1), PageState::shared);
  EXPECT_EQ(memory_.state(3 * page), PageState::unmapped);
  EXPECT_EQ(memory_.state(6 * page - 1), PageState::unmapped);
  EXPECT_EQ(memory_.state(6 * page), PageState::unmapped) << "of no region";
  ASSERT_TRUE(memory_.set_state(high, 1, PageState::shared));
  EXPECT_TRUE(memory_.check(high, page));
}

TEST_F(GuestMemoryTest, AStateChangeThatIsUnalignedOrWrapsIsRefused) {
  EXPECT_EQ(memory_.set_state(1, 1, PageState::unmapped).error().code, Code::invalid_input);
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t pages : {most, most / page, most / page + 1, std::uint64_t{1} << 52}) {
    EXPECT_EQ(memory_.set_state(page, pages, PageState::unmapped).error().code, Code::not_found);
  }
  EXPECT_EQ(memory_.state(page), PageState::shared);
  EXPECT_TRUE(memory_.set_state(page, 0, PageState::unmapped));
  EXPECT_EQ(memory_.state(page), PageState::shared);
}

TEST_F(GuestMemoryTest, ARegionThatOverlapsOrIsUnalignedOrWrapsIsRefused) {
  Bytes two(2 * page);
  const auto code_of = [&](std::uint64_t gpa, MutableByteView bytes) {
    const Status added = memory_.add_region(gpa, bytes, PageState::shared);
    return added ? Code::closed : added.error().code;
  };
  EXPECT_EQ(code_of(3 * page, two), Code::invalid_input) << "overlaps at its start";
  EXPECT_EQ(code_of(5 * page, two), Code::invalid_input) << "lies half in one";
  EXPECT_EQ(code_of(high - page, two), Code::invalid_input) << "overlaps at its end";
  EXPECT_EQ(code_of(16 * page + 1, two), Code::invalid_input);
  EXPECT_EQ(code_of(16 * page, MutableByteView(two).first(page + 1)), Code::invalid_input);
  EXPECT_EQ(code_of(16 * page, {}), Code::invalid_input);
  EXPECT_EQ(code_of(std::numeric_limits<std::uint64_t>::max() - page + 1, two),
            Code::invalid_input);
  EXPECT_EQ(code_of(high - 2 * page, two), Code::closed) << "fits exactly";
  EXPECT_EQ(memory_.state(high - 1), PageState::shared);
}

TEST_F(GuestMemoryTest, TheObserverSeesAllowedAccessesOnly) {
  AccessLog log;
  memory_.set_observer(&log);
  Bytes bytes(3);
  ASSERT_TRUE(memory_.read(5, bytes));
  ASSERT_TRUE(memory_.write(page, bytes));
  ASSERT_FALSE(memory_.read(high, bytes));
  memory_.set_observer(nullptr);
  ASSERT_TRUE(memory_.read(6, bytes));

  const auto accesses = log.accesses();
  ASSERT_EQ(accesses.size(), 2U);
  EXPECT_EQ(accesses[0].gpa, 5U);
  EXPECT_EQ(accesses[0].length, 3U);
  EXPECT_EQ(accesses[0].kind, AccessObserver::Kind::read);
  EXPECT_EQ(accesses[1].gpa, page);
  EXPECT_EQ(accesses[1].kind, AccessObserver::Kind::write);
}

TEST_F(GuestMemoryTest, HostAndGuestThreadsMayAccessAndConvertPagesAtTheSameTime) {
  std::thread converter([&] {
    for (int round = 0; round < 500; ++round) {
      ASSERT_TRUE(memory_.set_state(0, 4, PageState::private_page));
      ASSERT_TRUE(memory_.set_state(0, 4, PageState::shared));
    }
  });
  std::thread writer([&] {
    const Bytes bytes(page, 0x44);
    for (int round = 0; round < 500; ++round) {
      static_cast<void>(memory_.write(0, bytes));
      static_cast<void>(memory_.write(4 * page, bytes));
    }
  });
  Bytes bytes(page);
  for (int round = 0; round < 500; ++round) {
    static_cast<void>(memory_.read(0, bytes));
    ASSERT_TRUE(memory_.read(4 * page, bytes));
  }
  converter.join();
  writer.join();
  ASSERT_TRUE(memory_.read(4 * page, bytes));
  EXPECT_THAT(bytes, Each(0x44));
}

}  // namespace
}  // namespace extreq::hypervisor
