// Several holders, foreign readers and an updater on one file, all at once.
#include <atomic>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

constexpr Clock::Duration none = Clock::Duration::zero();
constexpr Clock::Duration ages = std::chrono::minutes(5);

// Foreign readers do not stay back for a writer. Real ones have a guest to run in between.
constexpr Clock::Duration foreign_pause = std::chrono::microseconds(200);

// A reader that knows the kernel's documentation and nothing of this project
// (Documentation/virt/kvm/api.rst, KVM_EXIT_SNP_REQ_CERTS): open, lock, stat, compare, read.
class ForeignReader {
 public:
  explicit ForeignReader(const std::string& path) : path_(path) {}
  ~ForeignReader() { unlock(); }
  ForeignReader(const ForeignReader&) = delete;
  ForeignReader& operator=(const ForeignReader&) = delete;
  ForeignReader(ForeignReader&&) = delete;
  ForeignReader& operator=(ForeignReader&&) = delete;

  // False if the lock could not be had at once, or the path names another file by now.
  bool lock_and_read(Bytes& table) {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return false;
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    struct stat locked {};
    struct stat named {};
    if (::fcntl(fd_, F_OFD_SETLK, &lock) != 0 || ::fstat(fd_, &locked) != 0 ||
        ::stat(path_.c_str(), &named) != 0 || locked.st_ino != named.st_ino ||
        locked.st_dev != named.st_dev) {
      unlock();
      return false;
    }
    table.resize(static_cast<std::size_t>(locked.st_size));
    return ::read(fd_, table.data(), table.size()) == locked.st_size;
  }

  void unlock() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  std::string path_;
  int fd_ = -1;
};

class BlobContentionTest : public test::FolderTest {
 protected:
  // The firmware's key: tables of this fill belong to it. No mutex: the file's lock is the only
  // order between those who read and those who change it.
  std::atomic<int> key_{0};
  std::atomic<bool> stop_{false};
  std::atomic<int> mismatches_{0};
  std::atomic<int> leases_{0};
  std::atomic<int> tables_{0};

  // A table and what is signed while it is held must belong together.
  void check(ByteView table) {
    const int signed_with = key_.load();
    ++leases_;
    if (is_empty_table(table)) return;
    ++tables_;
    if (test::fill_of(table) != signed_with) ++mismatches_;
    std::this_thread::yield();
    if (key_.load() != signed_with) ++mismatches_;
  }

  void read_through_the_library() {
    const auto holder = *BlobSource(blob()).open_holder();
    while (!stop_) {
      const auto table = holder->acquire(ages);
      if (!table) {
        ++mismatches_;
        return;
      }
      check(*table);
      holder->release();
    }
  }

  void read_as_a_stranger() {
    ForeignReader reader(blob());
    Bytes table;
    while (!stop_) {
      if (reader.lock_and_read(table)) check(table);
      reader.unlock();
      std::this_thread::sleep_for(foreign_pause);
    }
  }

  // One that opened the file long ago and never looks at the path again.
  void read_without_looking_at_the_path() {
    const UniqueFd fd(::open(blob().c_str(), O_RDONLY | O_CLOEXEC));
    Bytes table(table_size_limit);
    while (!stop_) {
      std::this_thread::sleep_for(foreign_pause);
      OfdLock lock;
      if (lock.try_lock(fd.get(), LockMode::shared) != 0) continue;
      const ssize_t count = read_at_start(fd.get(), table);
      check(ByteView(table).first(static_cast<std::size_t>(count)));
    }
  }

  void update(int rounds, bool sole_writer) {
    BlobWriterOptions options;
    options.sole_writer = sole_writer;
    BlobWriter writer(blob(), options);
    for (int round = 1; round <= rounds; ++round) {
      const int leases_before = leases_;
      while (leases_ < leases_before + 3) std::this_thread::yield();
      auto update = writer.begin(ages);
      ASSERT_TRUE(update) << update.error().message;
      ASSERT_TRUE(update->tombstone());
      key_ = round % 251;
      if (round % 10 == 0) continue;  // died before it could publish
      const auto size = static_cast<std::size_t>(round * 37 % 9000 + 2);
      ASSERT_TRUE(update->publish(test::table_of(static_cast<std::uint8_t>(round % 251), size)));
    }
  }

  void run(bool sole_writer) {
    {
      BlobWriter writer(blob());
      auto first = writer.begin(none);
      ASSERT_TRUE(first);
      ASSERT_TRUE(first->publish(test::table_of(0, 64)));
    }
    std::vector<std::thread> readers;
    readers.reserve(5);
    for (int i = 0; i < 3; ++i) readers.emplace_back([this] { read_through_the_library(); });
    readers.emplace_back([this] { read_as_a_stranger(); });
    readers.emplace_back([this] { read_without_looking_at_the_path(); });
    update(150, sole_writer);
    stop_ = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(mismatches_, 0);
    EXPECT_GT(tables_, 0);
  }
};

TEST_F(BlobContentionTest, NoReaderSeesAnotherTableThanTheKeys) { run(false); }

TEST_F(BlobContentionTest, NorIfReadersMayKeepTheirCopies) { run(true); }

// The tests above can fail: a writer that does not take the lock is noticed.
TEST_F(BlobContentionTest, AWriterWithoutTheLockIsNoticed) {
  ASSERT_TRUE(replace_file(blob(), test::table_of(0, 64), 0640));
  const auto holder = *BlobSource(blob()).open_holder();
  const auto table = holder->acquire(none);
  ASSERT_TRUE(table);
  key_ = 1;
  check(*table);
  EXPECT_GT(mismatches_, 0);
}

TEST_F(BlobContentionTest, TwoWritersTakeTurns) {
  std::atomic<int> inside{0};
  std::atomic<int> together{0};
  const auto write = [&](std::uint8_t fill) {
    BlobWriter writer(blob());
    for (int i = 0; i < 50; ++i) {
      auto update = writer.begin(ages);
      if (!update || ++inside != 1) ++together;
      if (update && !update->publish(test::table_of(fill, 300))) ++together;
      --inside;
    }
  };
  std::thread one([&] { write(1); });
  std::thread two([&] { write(2); });
  one.join();
  two.join();
  EXPECT_EQ(together, 0);
  EXPECT_TRUE(test::fill_of(*read_file(blob())));
}

}  // namespace
}  // namespace extreq::lease
