#include "lease/blob_group.hpp"

#include <filesystem>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/traced_child_test_tool.hpp"
#include "lease/blob_source.hpp"
#include "lease/lease_test_tools.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::lease {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Clock::Duration none = Clock::Duration::zero();

class BlobGroupTest : public test::FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    std::filesystem::create_directory(vm_blob_folder(blob()));
    ASSERT_TRUE(open_or_create_file(vm("a")));
    ASSERT_TRUE(open_or_create_file(vm("b")));
  }

  [[nodiscard]] std::string vm(const std::string& name) const {
    return vm_blob_folder(blob()) + "/" + name + ".blob";
  }
  [[nodiscard]] std::vector<std::string> blobs() const { return {blob(), vm("a"), vm("b")}; }

  void publish(const Bytes& table) const {
    BlobWriter writer(blob(), {.sole_writer = true});
    auto update = BlobGroup(writer).begin(none);
    ASSERT_TRUE(update) << update.error().message;
    ASSERT_TRUE(update->publish(table));
  }

  static std::unique_ptr<Holder> reader(const std::string& path) {
    return BlobSource(path).open_holder().value();
  }
  // What a guest would get; nothing where it has to wait.
  static std::optional<Bytes> served(const std::string& path) {
    const auto holder = reader(path);
    const auto table = holder->acquire(none);
    return table ? std::optional(test::copy(*table)) : std::nullopt;
  }

  [[nodiscard]] bool key_changed() const {
    return ::access(path("key-changed").c_str(), F_OK) == 0;
  }
  void change_key() const {
    ::close(::open(path("key-changed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }

  const Bytes old_table_ = test::table_of(1, 3000);
  const Bytes new_table_ = test::table_of(2, 5000);
};

TEST_F(BlobGroupTest, AnUpdateHoldsAndChangesEachBlob) {
  publish(old_table_);
  BlobWriter writer(blob());
  {
    auto update = BlobGroup(writer).begin(none);
    ASSERT_TRUE(update) << update.error().message;
    EXPECT_TRUE(update->holds(old_table_));
    ASSERT_TRUE(update->tombstone());
    EXPECT_FALSE(update->holds(old_table_));
    for (const auto& one : blobs()) EXPECT_FALSE(served(one)) << one;
    ASSERT_TRUE(update->publish(new_table_));
    EXPECT_TRUE(update->holds(new_table_));
  }
  for (const auto& one : blobs()) EXPECT_EQ(served(one), new_table_) << one;
}

TEST_F(BlobGroupTest, WithoutAFolderItIsTheMachinesBlobAlone) {
  std::filesystem::remove_all(vm_blob_folder(blob()));
  publish(new_table_);
  EXPECT_EQ(served(blob()), new_table_);
  EXPECT_FALSE(std::filesystem::exists(vm_blob_folder(blob())));
}

TEST_F(BlobGroupTest, OnlyRegularFilesOfTheRightNameAreVmsBlobs) {
  const std::string folder = vm_blob_folder(blob());
  for (const char* other : {"/a.blob.state", "/notes", "/.hidden.blob"}) {
    ASSERT_TRUE(open_or_create_file(folder + other));
  }
  std::filesystem::create_directory(folder + "/folder.blob");
  std::filesystem::create_symlink(blob(), folder + "/link.blob");
  EXPECT_THAT(find_vm_blobs(blob()).value(), ElementsAre(vm("a"), vm("b")));
  EXPECT_EQ(vm_name(vm("a")), "a");
}

TEST_F(BlobGroupTest, AFolderThatCannotBeReadIsAReasonToChangeNothing) {
  std::filesystem::remove_all(vm_blob_folder(blob()));
  ASSERT_TRUE(open_or_create_file(vm_blob_folder(blob())));
  BlobWriter writer(blob());
  const auto update = BlobGroup(writer).begin(none);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, Code::io);
  EXPECT_THAT(update.error().message, HasSubstr(vm_blob_folder(blob())));
}

TEST_F(BlobGroupTest, TheBlobOfAVmThatIsGoneIsNotMadeAnew) {
  BlobWriter writer(blob());
  BlobGroup group(writer);
  ASSERT_TRUE(group.begin(none)->publish(old_table_));
  std::filesystem::remove(vm("a"));
  ASSERT_TRUE(group.begin(none)->publish(new_table_));
  EXPECT_FALSE(std::filesystem::exists(vm("a")));
  EXPECT_EQ(served(vm("b")), new_table_);
  BlobWriter gone(vm("a"), {.create = false});
  EXPECT_EQ(gone.begin(none).error().code, Code::not_found);
}

TEST_F(BlobGroupTest, AVmThatKeepsItsLeaseHoldsUpTheUpdateAndNoOtherVm) {
  publish(old_table_);
  const auto stuck = reader(vm("b"));
  ASSERT_TRUE(stuck->acquire(none));
  BlobWriter writer(blob());
  BlobGroup group(writer);
  const auto update = group.begin(none);
  ASSERT_FALSE(update);
  EXPECT_EQ(update.error().code, Code::busy);
  EXPECT_THAT(update.error().message, HasSubstr(vm("b")));
  for (const auto& one : {blob(), vm("a")}) EXPECT_EQ(served(one), old_table_) << one;

  // A clock whose time passes only where somebody sleeps: most of a long wait is spent without the
  // other blobs' locks.
  class LookingClock final : public Clock {
   public:
    explicit LookingClock(const std::string& path) : path_(path) {}
    [[nodiscard]] TimePoint now() const noexcept override { return now_; }
    [[nodiscard]] std::chrono::sys_seconds utc() const noexcept override { return {}; }
    void sleep_for(Duration duration) noexcept override {
      now_ += duration;
      ++(served(path_) ? free : locked);
    }
    int free = 0;
    int locked = 0;

   private:
    const std::string& path_;
    TimePoint now_{};
  };
  const std::string other = vm("a");
  LookingClock clock(other);
  BlobWriter patient(blob(), {.clock = &clock});
  EXPECT_FALSE(BlobGroup(patient).begin(400ms));
  EXPECT_GT(clock.locked, 0);
  EXPECT_GT(clock.free, 4 * clock.locked);
  stuck->release();
  EXPECT_TRUE(BlobGroup(patient).begin(none));
}

TEST_F(BlobGroupTest, AnUpdateWaitsForALeaseThatEndsMeanwhile) {
  publish(old_table_);
  const auto slow = reader(vm("a"));
  ASSERT_TRUE(slow->acquire(none));
  class ReleasingClock final : public Clock {
   public:
    explicit ReleasingClock(Holder& holder) : holder_(holder) {}
    [[nodiscard]] TimePoint now() const noexcept override { return now_; }
    [[nodiscard]] std::chrono::sys_seconds utc() const noexcept override { return {}; }
    void sleep_for(Duration duration) noexcept override {
      now_ += duration;
      if (now_ - TimePoint{} > 100ms) holder_.release();
    }

   private:
    Holder& holder_;
    TimePoint now_{};
  };
  ReleasingClock clock(*slow);
  BlobWriter writer(blob(), {.clock = &clock});
  const auto update = BlobGroup(writer).begin(1s);
  ASSERT_TRUE(update) << update.error().message;
  EXPECT_GT(update->lock_wait().waited, 100ms);
  EXPECT_LT(update->lock_wait().waited, 200ms);
}

TEST_F(BlobGroupTest, ABlobThatCannotBeEmptiedLeavesTheOthersAsTheyWere) {
  publish(old_table_);
  BlobWriter writer(blob());
  auto update = BlobGroup(writer).begin(none);
  ASSERT_TRUE(update);
  // Of the files that are open for writing, b's is the only one that no byte may be written to.
  struct stat wanted {};
  ASSERT_EQ(::stat(vm("b").c_str(), &wanted), 0);
  const UniqueFd read_only(::open(vm("b").c_str(), O_RDONLY | O_CLOEXEC));
  for (int fd = 3; fd < 256; ++fd) {
    struct stat one {};
    if (fd != read_only.get() && ::fstat(fd, &one) == 0 && one.st_ino == wanted.st_ino) {
      ASSERT_EQ(::dup3(read_only.get(), fd, O_CLOEXEC), fd);
    }
  }
  const auto emptied = update->tombstone();
  ASSERT_FALSE(emptied);
  EXPECT_THAT(emptied.error().message, HasSubstr("b.blob"));
  EXPECT_TRUE(update->holds(old_table_));
}

// kill -9 at each entry into and return from a system call of an update of three blobs.
TEST_F(BlobGroupTest, AfterAKillAtAnyStepNoVmHasATableForAnotherKey) {
  int mixed = 0;  // kills after which some had the new table and others none
  bool ended = false;
  for (int step = 1; !ended; ++step) {
    ASSERT_LT(step, 2000);
    ::unlink(path("key-changed").c_str());
    publish(old_table_);
    {
      extreq::test::TracedChild child([this] {
        BlobWriter writer(blob(), {.sole_writer = true});
        auto update = BlobGroup(writer).begin(none);
        if (!update || !update->tombstone()) ::_exit(1);
        change_key();
        if (!update->publish(new_table_)) ::_exit(1);
      });
      for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
    }
    int with_new = 0;
    int with_none = 0;
    for (const auto& one : blobs()) {
      const auto table = served(one);
      ASSERT_TRUE(table) << one << " at step " << step;
      if (table->empty()) {
        ++with_none;
      } else if (key_changed()) {
        ++with_new;
        EXPECT_EQ(*table, new_table_) << "stale or torn in " << one << " at step " << step;
      } else {
        EXPECT_EQ(*table, old_table_) << "torn in " << one << " at step " << step;
      }
    }
    if (with_new > 0 && with_none > 0) ++mixed;
    if (HasFailure()) return;
  }
  EXPECT_TRUE(key_changed());
  EXPECT_GT(mixed, 4);
}

}  // namespace
}  // namespace extreq::lease
