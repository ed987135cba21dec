#include "lease/blob_writer.hpp"

#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "lease/blob_source.hpp"
#include "lease/lease_test_tools.hpp"

extern char** environ;

namespace extreq::lease {
namespace {

constexpr Clock::Duration none = Clock::Duration::zero();

class BlobWriterTest : public test::FolderTest {
 protected:
  [[nodiscard]] Bytes content() const { return read_file(blob()).value_or(Bytes{0xEE}); }

  void publish(BlobWriter& writer, const Bytes& table) {
    auto update = writer.begin(none);
    ASSERT_TRUE(update) << update.error().message;
    const Status published = update->publish(table);
    ASSERT_TRUE(published) << published.error().message;
  }

  [[nodiscard]] int try_lock(LockMode mode) const {
    const auto file = open_file(blob(), Access::write);
    OfdLock lock;
    return lock.try_lock(file->fd.get(), mode);
  }
};

TEST_F(BlobWriterTest, TheFileHoldsExactlyThePublishedTable) {
  BlobWriter writer(blob());
  for (const std::size_t size : {5000U, 100U, 9000U}) {
    const Bytes table = test::table_of(1, size);
    publish(writer, table);
    EXPECT_EQ(content(), table);
  }
}

TEST_F(BlobWriterTest, AnEmptyTableIsPublishedAs24Zeros) {
  BlobWriter writer(blob());
  for (const Bytes& empty : {Bytes{}, Bytes(24, 0), Bytes(500, 0)}) {
    publish(writer, test::table_of(1, 5000));
    publish(writer, empty);
    EXPECT_EQ(content(), Bytes(24, 0));
  }
}

TEST_F(BlobWriterTest, TheFileIsChangedInPlaceAndKeepsItsMode) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  struct stat before {};
  ASSERT_EQ(::stat(blob().c_str(), &before), 0);
  EXPECT_EQ(before.st_mode & 07777, 0640U);
  publish(writer, test::table_of(2, 200));
  struct stat after {};
  ASSERT_EQ(::stat(blob().c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(BlobWriterTest, NobodyElseHasTheLockDuringAnUpdate) {
  BlobWriter writer(blob());
  {
    auto update = writer.begin(none);
    ASSERT_TRUE(update);
    EXPECT_EQ(try_lock(LockMode::shared), EAGAIN);
    ASSERT_TRUE(update->publish(test::table_of(1, 100)));
    EXPECT_EQ(try_lock(LockMode::shared), EAGAIN);
  }
  EXPECT_EQ(try_lock(LockMode::exclusive), 0);
}

TEST_F(BlobWriterTest, ATombstoneIsAnEmptyTableAtOnceAndStaysIfNothingIsPublished) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  {
    auto update = writer.begin(none);
    ASSERT_TRUE(update);
    EXPECT_EQ(*update->content(), test::table_of(1, 100));
    ASSERT_TRUE(update->tombstone());
    EXPECT_TRUE(is_empty_table(*update->content()));
  }
  EXPECT_TRUE(is_empty_table(content()));
  EXPECT_EQ(try_lock(LockMode::exclusive), 0);
}

TEST_F(BlobWriterTest, AnUpdateThatNeverBeganToChangeLeavesTheOldTable) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  ASSERT_TRUE(writer.begin(none));
  EXPECT_EQ(content(), test::table_of(1, 100));
}

TEST_F(BlobWriterTest, WhatIsNoTableOrTooLargeIsRefusedAndTheOldTableKept) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  auto update = writer.begin(none);
  ASSERT_TRUE(update);
  const Status torn = update->publish(Bytes(100, 0xFF));
  ASSERT_FALSE(torn);
  EXPECT_EQ(torn.error().code, Code::invalid_input);
  const Status large = update->publish(test::table_of(1, table_size_limit));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::too_small);
  EXPECT_EQ(content(), test::table_of(1, 100));
  EXPECT_TRUE(update->publish(test::table_of(2, table_size_limit - 72)));
}

TEST_F(BlobWriterTest, AnUpdateMayPublishMoreThanOnce) {
  BlobWriter writer(blob());
  auto update = writer.begin(none);
  ASSERT_TRUE(update);
  ASSERT_TRUE(update->publish(test::table_of(1, 100)));
  ASSERT_TRUE(update->tombstone());
  EXPECT_TRUE(is_empty_table(content()));
  ASSERT_TRUE(update->publish(test::table_of(2, 200)));
  EXPECT_EQ(content(), test::table_of(2, 200));
}

TEST_F(BlobWriterTest, AFullDiskLeavesTheEmptyTableNeverATornOne) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  auto update = writer.begin(none);
  ASSERT_TRUE(update);
  struct rlimit old_limit {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small { 1000, old_limit.rlim_max };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status refused = update->publish(test::table_of(2, 5000));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  std::signal(SIGXFSZ, old_action);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::io);
  EXPECT_TRUE(is_empty_table(content()));
  EXPECT_TRUE(update->publish(test::table_of(2, 5000))) << "and it may be tried again";
  EXPECT_EQ(content(), test::table_of(2, 5000));
}

TEST_F(BlobWriterTest, ABusyLockSaysHowLongAndForWhomItWaited) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  const auto reader = *BlobSource(blob()).open_holder();
  ASSERT_TRUE(reader->acquire(none));
  ManualClock clock;
  BlobWriterOptions options;
  options.clock = &clock;
  BlobWriter waiting(blob(), options);
  const auto update = waiting.begin(std::chrono::milliseconds(500));
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, Code::busy);
  EXPECT_THAT(update.error().message, testing::HasSubstr("500 ms"));
  EXPECT_THAT(update.error().message,
              testing::HasSubstr("process " + std::to_string(::getpid()) + " ("));
  EXPECT_EQ(content(), test::table_of(1, 100));
  reader->release();
  const auto later = waiting.begin(none);
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->lock_wait().holders.empty());
}

// A clock that runs a function once its time has come: what happens while somebody waits.
class EventClock final : public Clock {
 public:
  EventClock(Duration at, std::function<void()> event) : at_(at), event_(std::move(event)) {}
  [[nodiscard]] TimePoint now() const noexcept override { return manual_.now(); }
  [[nodiscard]] std::chrono::sys_seconds utc() const noexcept override { return manual_.utc(); }
  void sleep_for(Duration duration) noexcept override {
    manual_.sleep_for(duration);
    if (event_ && manual_.now().time_since_epoch() >= at_) std::exchange(event_, nullptr)();
  }

 private:
  ManualClock manual_;
  Duration at_;
  std::function<void()> event_;
};

TEST_F(BlobWriterTest, AWriterThatGotItsLockAfterALongWaitSaysForWhomItWaited) {
  BlobWriter first(blob());
  publish(first, test::table_of(1, 100));
  const auto reader = *BlobSource(blob()).open_holder();
  ASSERT_TRUE(reader->acquire(none));
  EventClock clock(std::chrono::milliseconds(200), [&reader] { reader->release(); });
  BlobWriterOptions options;
  options.clock = &clock;
  const auto update = BlobWriter(blob(), options).begin(std::chrono::seconds(10));
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_GE(update->lock_wait().waited, std::chrono::milliseconds(200));
  EXPECT_LE(update->lock_wait().waited, std::chrono::milliseconds(202));
  ASSERT_EQ(update->lock_wait().holders.size(), 1U);
  EXPECT_EQ(update->lock_wait().holders[0].process, ::getpid());
}

TEST_F(BlobWriterTest, AWaitingWriterAnnouncesItselfAndWithdrawsInTheEnd) {
  BlobWriter first(blob());
  publish(first, test::table_of(1, 100));
  const auto page = StatePageReader::open(state_page_path(blob()));
  ASSERT_TRUE(page);
  const auto reader = *BlobSource(blob()).open_holder();
  ASSERT_TRUE(reader->acquire(none));
  bool announced = false;
  EventClock* now = nullptr;
  EventClock clock(std::chrono::milliseconds(20),
                   [&] { announced = page->writer_waiting_until() > now->now(); });
  now = &clock;
  BlobWriterOptions options;
  options.clock = &clock;
  EXPECT_FALSE(BlobWriter(blob(), options).begin(std::chrono::milliseconds(40)));
  EXPECT_TRUE(announced);
  EXPECT_EQ(page->writer_waiting_until().time_since_epoch(), none);
}

TEST_F(BlobWriterTest, TheCommandsProcessHoldsTheLockWhenTheUpdaterIsGone) {
  BlobWriter writer(blob());
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
  UniqueFd command_input(pipe_ends[0]);
  UniqueFd command_end(pipe_ends[1]);
  pid_t command = 0;
  {
    auto update = writer.begin(none);
    ASSERT_TRUE(update);
    ASSERT_TRUE(update->tombstone());
    posix_spawn_file_actions_t actions;
    ASSERT_EQ(::posix_spawn_file_actions_init(&actions), 0);
    const int fd = update->lock_descriptor();
    ASSERT_EQ(::posix_spawn_file_actions_adddup2(&actions, fd, fd), 0);
    ASSERT_EQ(::posix_spawn_file_actions_adddup2(&actions, command_input.get(), 0), 0);
    std::string program = "cat";
    char* const arguments[] = {program.data(), nullptr};
    ASSERT_EQ(::posix_spawnp(&command, "cat", &actions, nullptr, arguments, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  EXPECT_EQ(try_lock(LockMode::shared), EAGAIN) << "the command may still change the key";
  command_end.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(command, &status, 0), command);
  EXPECT_EQ(try_lock(LockMode::exclusive), 0);
  EXPECT_TRUE(is_empty_table(content()));
}

TEST_F(BlobWriterTest, ACommandThatWasNotHandedTheDescriptorDoesNotHoldTheLock) {
  BlobWriter writer(blob());
  auto update = writer.begin(none);
  ASSERT_TRUE(update);
  EXPECT_NE(::fcntl(update->lock_descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(BlobWriterTest, AfterAPublicationTheLockGoesEvenIfTheCommandLeftAProcess) {
  BlobWriter writer(blob());
  int inherited = -1;
  {
    auto update = writer.begin(none);
    ASSERT_TRUE(update);
    inherited = ::dup(update->lock_descriptor());  // as a child's copy: the same description
    ASSERT_TRUE(update->publish(test::table_of(1, 100)));
  }
  const UniqueFd owner(inherited);
  EXPECT_EQ(try_lock(LockMode::shared), 0);
}

TEST_F(BlobWriterTest, InAForkedChildNothingHappens) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  auto update = writer.begin(none);
  ASSERT_TRUE(update);
  EXPECT_EQ(test::in_child([&] {
              if (update->tombstone() || update->publish({}) || update->content()) return 1;
              if (writer.begin(none)) return 2;
              { const BlobUpdate ended = *std::move(update); }
              return 0;
            }),
            0);
  EXPECT_EQ(content(), test::table_of(1, 100));
  EXPECT_EQ(try_lock(LockMode::shared), EAGAIN);
}

TEST_F(BlobWriterTest, LeasesOnAFileThatSomebodyReplacedStillCount) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  const auto reader = *BlobSource(blob()).open_holder();
  ASSERT_TRUE(reader->acquire(none));
  for (const bool replaced : {false, true}) {
    if (replaced) {
      ASSERT_TRUE(replace_file(blob(), test::table_of(7, 70), 0640));
    } else {
      ASSERT_EQ(::unlink(blob().c_str()), 0);
    }
    const auto update = writer.begin(none);
    ASSERT_FALSE(update) << "the reader's report is not signed yet";
    EXPECT_EQ(update.error().code, Code::busy);
  }
  reader->release();
  publish(writer, test::table_of(2, 100));
  EXPECT_EQ(test::copy(*reader->acquire(none)), test::table_of(2, 100));
  ASSERT_EQ(::unlink(blob().c_str()), 0);
  EXPECT_FALSE(writer.begin(none)) << "and on the file that took its place";
}

TEST_F(BlobWriterTest, AFileThatIsMovedAwayAndBackIsNoDeadlock) {
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  ASSERT_EQ(::rename(blob().c_str(), path("aside").c_str()), 0);
  publish(writer, test::table_of(2, 100));
  ASSERT_EQ(::rename(path("aside").c_str(), blob().c_str()), 0);
  publish(writer, test::table_of(3, 100));
  EXPECT_EQ(content(), test::table_of(3, 100));
}

TEST_F(BlobWriterTest, AStatePageThatSomebodyRemovedIsRetiredForItsReaders) {
  BlobWriterOptions options;
  options.sole_writer = true;
  BlobWriter writer(blob(), options);
  publish(writer, test::table_of(1, 100));
  const auto old_page = StatePageReader::open(state_page_path(blob()));
  ASSERT_TRUE(old_page);
  ASSERT_TRUE(old_page->cacheable_generation());
  ASSERT_EQ(::unlink(state_page_path(blob()).c_str()), 0);
  publish(writer, test::table_of(2, 100));
  EXPECT_FALSE(old_page->cacheable_generation());
  const auto new_page = StatePageReader::open(state_page_path(blob()));
  ASSERT_TRUE(new_page);
  EXPECT_TRUE(new_page->cacheable_generation());
}

TEST_F(BlobWriterTest, WithoutAStatePageUpdatesGoOn) {
  // As a full disk leaves it: a stump that nobody can have mapped, and that cannot be written.
  ASSERT_EQ(::symlink("/proc/self/none/page", state_page_path(blob()).c_str()), 0);
  BlobWriter writer(blob());
  publish(writer, test::table_of(1, 100));
  EXPECT_EQ(content(), test::table_of(1, 100));
}

TEST_F(BlobWriterTest, AStatePageOfAnotherVersionStopsTheUpdateBeforeItChangesAnything) {
  BlobWriter first(blob());
  publish(first, test::table_of(1, 100));
  Bytes page = *read_file(state_page_path(blob()));
  page[8] = 9;
  ASSERT_TRUE(replace_file(state_page_path(blob()), page, 0640));
  BlobWriter writer(blob());
  const auto update = writer.begin(none);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, Code::unsupported);
  EXPECT_EQ(content(), test::table_of(1, 100));
}

TEST_F(BlobWriterTest, AMissingFolderIsNamed) {
  BlobWriter writer(path("none/host.blob"));
  const auto update = writer.begin(none);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, Code::not_found);
  EXPECT_THAT(update.error().message, testing::HasSubstr("none/host.blob"));
}

}  // namespace
}  // namespace extreq::lease
