#include "lease/memory_source.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

constexpr Clock::Duration none = Clock::Duration::zero();
constexpr Clock::Duration ages = std::chrono::minutes(5);

TEST(MemorySource, GivesItsTableForAsLongAsTheLeaseIsHeld) {
  MemorySource source(test::table_of(1, 100));
  const auto holder = *source.open_holder();
  EXPECT_FALSE(holder->held());
  const auto table = holder->acquire(none);
  ASSERT_TRUE(table);
  EXPECT_TRUE(holder->held());
  EXPECT_EQ(test::copy(*table), test::table_of(1, 100));
  holder->release();
  EXPECT_FALSE(holder->held());
  holder->release();
}

TEST(MemorySource, ASecondLeaseOfOneHolderIsRefusedAndTheFirstKept) {
  MemorySource source;
  const auto holder = *source.open_holder();
  ASSERT_TRUE(holder->acquire(none));
  const auto second = holder->acquire(none);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::invalid_input);
  EXPECT_TRUE(holder->held());
}

TEST(MemorySource, NothingIsReplacedUnderALease) {
  MemorySource source(test::table_of(1, 100));
  const auto first = *source.open_holder();
  const auto second = *source.open_holder();
  ASSERT_TRUE(first->acquire(none));
  ASSERT_TRUE(second->acquire(none));
  first->release();
  auto replaced = source.replace(test::table_of(2, 200), none);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, Code::busy);
  second->release();
  ASSERT_TRUE(first->acquire(none)) << "a writer that gave up must not hold up readers";
  first->release();
  ASSERT_TRUE(source.replace(test::table_of(2, 200), none));
  EXPECT_EQ(test::copy(*first->acquire(none)), test::table_of(2, 200));
}

TEST(MemorySource, NoLeaseIsGivenInAnExclusiveSection) {
  MemorySource source(test::table_of(1, 100));
  const auto holder = *source.open_holder();
  {
    auto section = source.exclusive(none);
    ASSERT_TRUE(section);
    const auto refused = holder->acquire(none);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::busy);
    EXPECT_FALSE(source.exclusive(none));
    section->publish(test::table_of(2, 200));
  }
  EXPECT_EQ(test::copy(*holder->acquire(none)), test::table_of(2, 200));
}

TEST(MemorySource, ASectionThatPublishesNothingLeavesNoCertificates) {
  MemorySource source(test::table_of(1, 100));
  {
    const auto section = source.exclusive(none);
    ASSERT_TRUE(section);
  }
  const auto holder = *source.open_holder();
  const auto table = holder->acquire(none);
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->empty());
}

TEST(MemorySource, TheEndOfAHolderIsTheEndOfItsLease) {
  MemorySource source;
  {
    const auto holder = *source.open_holder();
    ASSERT_TRUE(holder->acquire(none));
  }
  EXPECT_TRUE(source.replace({}, none));
}

TEST(MemorySource, InAForkedChildNothingHappens) {
  MemorySource source(test::table_of(1, 100));
  const auto holder = *source.open_holder();
  ASSERT_TRUE(holder->acquire(none));
  EXPECT_EQ(test::in_child([&] {
              if (holder->held()) return 1;
              holder->release();
              const auto again = holder->acquire(none);
              if (again || again.error().code != Code::closed) return 2;
              const auto section = source.exclusive(none);
              return !section && section.error().code == Code::closed ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(holder->held());
}

// The key and the table change together; a reader that holds a lease must see them as a pair.
TEST(MemorySource, ReadersAndAnUpdaterNeverSeeAHalfOfAChange) {
  MemorySource source(test::table_of(0, 64));
  std::atomic<int> key{0};
  std::atomic<bool> stop{false};
  std::atomic<int> mismatches{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      const auto holder = *source.open_holder();
      while (!stop) {
        const auto table = holder->acquire(ages);
        const auto fill = table ? test::fill_of(*table) : std::nullopt;
        if (!fill || *fill != key.load()) ++mismatches;
        holder->release();
      }
    });
  }
  for (int i = 1; i < 200; ++i) {
    auto section = source.exclusive(ages);
    ASSERT_TRUE(section);
    key = i;
    section->publish(test::table_of(static_cast<std::uint8_t>(i), 64));
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(mismatches, 0);
}

}  // namespace
}  // namespace extreq::lease
