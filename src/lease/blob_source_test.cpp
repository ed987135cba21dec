#include "lease/blob_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.hpp"
#include "base/traced_child_test_tool.hpp"
#include "lease/blob_writer.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

constexpr Clock::Duration none = Clock::Duration::zero();

class BlobSourceTest : public test::FolderTest {
 protected:
  void publish(const Bytes& table, bool sole_writer = false) {
    BlobWriterOptions options;
    options.sole_writer = sole_writer;
    BlobWriter writer(blob(), options);
    auto update = writer.begin(none);
    ASSERT_TRUE(update) << update.error().message;
    const Status published = update->publish(table);
    ASSERT_TRUE(published) << published.error().message;
  }

  // Writes the file as somebody who knows nothing of us does: in place, without the lock.
  void scribble(const Bytes& content) const {
    const UniqueFd fd(::open(blob().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    ASSERT_EQ(write_at(fd.get(), 0, content), 0);
  }

  // What somebody with a descriptor of his own would get: 0 or errno.
  [[nodiscard]] int try_exclusive() const {
    const auto file = open_file(blob(), Access::write);
    OfdLock lock;
    return lock.try_lock(file->fd.get(), LockMode::exclusive);
  }

  std::unique_ptr<Holder> holder(BlobSourceOptions options = {}) const {
    auto holder = BlobSource(blob(), options).open_holder();
    EXPECT_TRUE(holder) << holder.error().message;
    return *std::move(holder);
  }

  static Code code_of(const Result<ByteView>& result) {
    EXPECT_FALSE(result);
    return result ? Code::closed : result.error().code;
  }
};

TEST_F(BlobSourceTest, GivesTheTableAndHoldsTheLockUntilRelease) {
  publish(test::table_of(5, 5000));
  const auto reader = holder();
  const auto table = reader->acquire(none);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(test::copy(*table), test::table_of(5, 5000));
  EXPECT_TRUE(reader->held());
  EXPECT_EQ(try_exclusive(), EAGAIN);
  reader->release();
  EXPECT_FALSE(reader->held());
  EXPECT_EQ(try_exclusive(), 0);
}

TEST_F(BlobSourceTest, TheReleaseOfOneHolderLeavesTheOthersTheirLock) {
  publish(test::table_of(5, 5000));
  BlobSource source(blob());
  const auto first = *source.open_holder();
  const auto second = *source.open_holder();
  ASSERT_TRUE(first->acquire(none));
  ASSERT_TRUE(second->acquire(none));
  first->release();
  EXPECT_EQ(try_exclusive(), EAGAIN);
  EXPECT_TRUE(second->held());
  second->release();
  EXPECT_EQ(try_exclusive(), 0);
}

TEST_F(BlobSourceTest, TheEndOfAHolderIsTheEndOfItsLease) {
  publish(test::table_of(5, 50));
  {
    const auto reader = holder();
    ASSERT_TRUE(reader->acquire(none));
  }
  EXPECT_EQ(try_exclusive(), 0);
}

TEST_F(BlobSourceTest, ASecondLeaseOfOneHolderIsRefusedAndTheFirstKept) {
  publish(test::table_of(5, 50));
  const auto reader = holder();
  ASSERT_TRUE(reader->acquire(none));
  EXPECT_EQ(code_of(reader->acquire(none)), Code::invalid_input);
  EXPECT_EQ(try_exclusive(), EAGAIN);
}

TEST_F(BlobSourceTest, AFileThatComesLaterIsFound) {
  const auto reader = holder();
  EXPECT_EQ(code_of(reader->acquire(none)), Code::not_found);
  EXPECT_FALSE(reader->held());
  publish(test::table_of(5, 50));
  EXPECT_TRUE(reader->acquire(none));
}

TEST_F(BlobSourceTest, AWriterMeansBusyAfterTheWaitAndNoLease) {
  publish(test::table_of(5, 50));
  ManualClock clock;
  const auto reader = holder({.clock = &clock});
  const auto file = open_file(blob(), Access::write);
  OfdLock writer;
  ASSERT_EQ(writer.try_lock(file->fd.get(), LockMode::exclusive), 0);
  EXPECT_EQ(code_of(reader->acquire(std::chrono::milliseconds(100))), Code::busy);
  EXPECT_EQ(clock.now().time_since_epoch(), std::chrono::milliseconds(100));
  EXPECT_FALSE(reader->held());
  writer.unlock();
  EXPECT_TRUE(reader->acquire(none));
}

TEST_F(BlobSourceTest, TheFileThatThePathNamesIsTheOneThatCounts) {
  publish(test::table_of(1, 50));
  const auto reader = holder();
  ASSERT_TRUE(reader->acquire(none));
  reader->release();
  // A foreign writer may rename, though ours never does.
  ASSERT_TRUE(replace_file(blob(), test::table_of(2, 60), 0600));
  const auto table = reader->acquire(none);
  ASSERT_TRUE(table);
  EXPECT_EQ(test::copy(*table), test::table_of(2, 60));
  EXPECT_EQ(try_exclusive(), EAGAIN) << "the new file must be the one that is locked";
  reader->release();
  ASSERT_EQ(::unlink(blob().c_str()), 0);
  EXPECT_EQ(code_of(reader->acquire(none)), Code::not_found);
  publish(test::table_of(3, 70));
  EXPECT_EQ(test::copy(*reader->acquire(none)), test::table_of(3, 70));
}

TEST_F(BlobSourceTest, AForeignChangeInPlaceIsSeenWhateverItsTimeSays) {
  publish(test::table_of(1, 50));
  const auto reader = holder();
  ASSERT_TRUE(reader->acquire(none));
  reader->release();
  struct stat before {};
  ASSERT_EQ(::stat(blob().c_str(), &before), 0);
  scribble(test::table_of(2, 50));
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, blob().c_str(), times, 0), 0);
  EXPECT_EQ(test::copy(*reader->acquire(none)), test::table_of(2, 50));
}

TEST_F(BlobSourceTest, NoCertificatesAreAViewOfNoBytes) {
  const auto reader = holder();
  for (const Bytes& empty : {Bytes{}, Bytes(24, 0), Bytes(4096, 0)}) {
    scribble(empty);
    const auto table = reader->acquire(none);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_TRUE(table->empty());
    reader->release();
  }
}

TEST_F(BlobSourceTest, ATombstoneBeforeAnOldBodyIsNoCertificates) {
  Bytes torn = test::table_of(9, 3000);
  std::fill_n(torn.begin(), 24, std::uint8_t{0});
  scribble(torn);
  const auto reader = holder();
  const auto table = reader->acquire(none);
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->empty());
}

TEST_F(BlobSourceTest, HostileContentIsRefusedAndNoLeaseKept) {
  Bytes cut = test::table_of(9, 3000);
  cut.resize(2000);
  const auto reader = holder();
  for (const Bytes& content :
       {Bytes(1, 0), Bytes(23, 0xFF), cut, Bytes(4096, 0xFF), to_bytes("-----BEGIN CERTIFICATE"),
        Bytes(table_size_limit + 1, 0), Bytes(1U << 20U, 0xA5)}) {
    scribble(content);
    EXPECT_EQ(code_of(reader->acquire(none)), Code::invalid_input) << content.size();
    EXPECT_FALSE(reader->held());
    EXPECT_EQ(try_exclusive(), 0);
  }
  scribble(test::table_of(1, 50));
  EXPECT_TRUE(reader->acquire(none));
}

TEST_F(BlobSourceTest, TheLimitIsFourPagesAndCanBeMoved) {
  const Bytes largest = test::table_of(1, table_size_limit - 72);
  ASSERT_EQ(largest.size(), 4U * 4096);
  scribble(largest);
  EXPECT_EQ(test::copy(*holder()->acquire(none)), largest);
  const Bytes larger = test::table_of(1, table_size_limit);
  scribble(larger);
  EXPECT_EQ(code_of(holder()->acquire(none)), Code::invalid_input);
  EXPECT_EQ(test::copy(*holder({.size_limit = 2 * table_size_limit})->acquire(none)), larger);
}

TEST_F(BlobSourceTest, AFifoOrAFolderUnderThatNameDoesNotStopUs) {
  ASSERT_EQ(::mkfifo(blob().c_str(), 0600), 0);
  const auto fifo = BlobSource(blob()).open_holder();
  ASSERT_FALSE(fifo);
  EXPECT_EQ(fifo.error().code, Code::invalid_input);
  const auto folder = BlobSource(path(".")).open_holder();
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Code::invalid_input);
}

TEST_F(BlobSourceTest, InAForkedChildNothingHappens) {
  publish(test::table_of(1, 50));
  const auto reader = holder();
  ASSERT_TRUE(reader->acquire(none));
  EXPECT_EQ(test::in_child([&] {
              if (reader->held()) return 1;
              reader->release();
              return code_of(reader->acquire(none)) == Code::closed ? 0 : 2;
            }),
            0);
  EXPECT_EQ(try_exclusive(), EAGAIN);
  EXPECT_TRUE(reader->held());
  // The child of its own opens one of its own.
  EXPECT_EQ(test::in_child([this] { return holder()->acquire(none) ? 0 : 1; }), 0);
}

TEST_F(BlobSourceTest, ACopyIsKeptOnlyWhereEveryWriterKeepsTheStatePage) {
  for (const bool sole_writer : {false, true}) {
    publish(test::table_of(1, 50), sole_writer);
    const auto reader = holder();
    ASSERT_TRUE(reader->acquire(none));
    reader->release();
    scribble(test::table_of(2, 50));
    EXPECT_EQ(test::copy(*reader->acquire(none)), test::table_of(sole_writer ? 1 : 2, 50));
    reader->release();
    publish(test::table_of(3, 50), sole_writer);
    EXPECT_EQ(test::copy(*reader->acquire(none)), test::table_of(3, 50));
  }
}

TEST_F(BlobSourceTest, NoCopyIsKeptPastAnUpdateThatDied) {
  publish(test::table_of(1, 50), true);
  const auto reader = holder();
  ASSERT_TRUE(reader->acquire(none));
  reader->release();
  {
    BlobWriterOptions options;
    options.sole_writer = true;
    BlobWriter writer(blob(), options);
    ASSERT_TRUE(writer.begin(none)->tombstone());
  }
  for (int i = 0; i < 2; ++i) {
    const auto table = reader->acquire(none);
    ASSERT_TRUE(table);
    EXPECT_TRUE(table->empty());
    reader->release();
  }
}

TEST_F(BlobSourceTest, ReadersStayBackForAWriterButNotForADeadOne) {
  publish(test::table_of(1, 50));
  ManualClock clock;
  clock.advance(std::chrono::seconds(10));
  const auto reader = holder({.courtesy = std::chrono::milliseconds(30), .clock = &clock});
  ASSERT_TRUE(reader->acquire(none));
  reader->release();

  auto page = StatePageWriter::open(state_page_path(blob()));
  ASSERT_TRUE(page);
  const auto time_of_a_lease = [&] {
    const auto start = clock.now();
    EXPECT_TRUE(reader->acquire(std::chrono::seconds(1)));
    reader->release();
    return clock.now() - start;
  };
  EXPECT_EQ(time_of_a_lease(), none);
  page->announce(clock.now() + std::chrono::milliseconds(20));
  const auto stayed_back = time_of_a_lease();
  EXPECT_GE(stayed_back, std::chrono::milliseconds(20));
  EXPECT_LE(stayed_back, std::chrono::milliseconds(22));
  EXPECT_EQ(time_of_a_lease(), none) << "the announcement has run out";
  page->announce(clock.now() + std::chrono::hours(1));
  EXPECT_EQ(time_of_a_lease(), std::chrono::milliseconds(30)) << "courtesy has its bound";
}

TEST_F(BlobSourceTest, AStatePageThatComesLaterOrIsReplacedIsFound) {
  scribble(test::table_of(1, 50));
  ManualClock clock;
  clock.advance(std::chrono::hours(1));
  const auto reader = holder({.clock = &clock});
  const auto stays_back = [&] {
    const auto start = clock.now();
    EXPECT_TRUE(reader->acquire(std::chrono::seconds(1)));
    reader->release();
    return clock.now() > start;
  };
  EXPECT_FALSE(stays_back());
  for (int i = 0; i < 2; ++i) {
    ::unlink(state_page_path(blob()).c_str());
    auto page = StatePageWriter::create(state_page_path(blob()));
    ASSERT_TRUE(page);
    clock.advance(std::chrono::seconds(2));
    page->announce(clock.now() + std::chrono::seconds(5));
    EXPECT_FALSE(stays_back());
    EXPECT_TRUE(stays_back());
    clock.advance(std::chrono::seconds(5));
  }
}

// From the first getppid() of the child to the second.
std::vector<unsigned long long> calls_between_marks(extreq::test::TracedChild& child) {
  std::vector<unsigned long long> calls;
  bool counting = false;
  bool entering = false;
  while (const auto call = child.next_stop()) {
    entering = !entering;
    if (*call == SYS_getppid) {
      if (!entering) continue;
      if (counting) break;
      counting = true;
    } else if (counting && entering) {
      calls.push_back(*call);
    }
  }
  return calls;
}

TEST_F(BlobSourceTest, ALeaseCostsFourSystemCallsAndTwoWhereCopiesMayBeKept) {
  for (const bool sole_writer : {false, true}) {
    publish(test::table_of(1, 5000), sole_writer);
    extreq::test::TracedChild child([this] {
      const auto reader = holder();
      const auto lease = [&reader] {
        if (!reader->acquire(none)) ::_exit(1);
        reader->release();
      };
      lease();
      ::getppid();
      lease();
      ::getppid();
    });
    const auto calls = calls_between_marks(child);
    if (sole_writer) {
      EXPECT_EQ(calls, (std::vector<unsigned long long>{SYS_fcntl, SYS_fcntl}));
    } else {
      ASSERT_EQ(calls.size(), 4U);
      EXPECT_EQ(calls[0], SYS_fcntl);
      EXPECT_EQ(calls[2], SYS_pread64);
      EXPECT_EQ(calls[3], SYS_fcntl);
    }
  }
}

}  // namespace
}  // namespace extreq::lease
