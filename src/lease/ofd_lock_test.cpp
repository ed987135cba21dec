#include "lease/ofd_lock.hpp"

#include <fcntl.h>

#include "base/unique_fd.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

class OfdLockTest : public test::FolderTest {
 protected:
  UniqueFd open(int mode = O_RDWR) {
    return UniqueFd(::open(blob().c_str(), mode | O_CREAT | O_CLOEXEC, 0600));
  }
};

TEST_F(OfdLockTest, SharedLocksGoTogetherAndAnExclusiveOneGoesAlone) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  const UniqueFd c = open();
  OfdLock lock_a;
  OfdLock lock_b;
  OfdLock lock_c;
  EXPECT_EQ(lock_a.try_lock(a.get(), LockMode::shared), 0);
  EXPECT_EQ(lock_b.try_lock(b.get(), LockMode::shared), 0);
  EXPECT_EQ(lock_c.try_lock(c.get(), LockMode::exclusive), EAGAIN);
  EXPECT_FALSE(lock_c.held());
  lock_a.unlock();
  EXPECT_EQ(lock_c.try_lock(c.get(), LockMode::exclusive), EAGAIN);
  lock_b.unlock();
  EXPECT_EQ(lock_c.try_lock(c.get(), LockMode::exclusive), 0);
  EXPECT_EQ(lock_a.try_lock(a.get(), LockMode::shared), EAGAIN);
}

TEST_F(OfdLockTest, CoversWhatTheFileGrowsTo) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  OfdLock lock;
  ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
  ASSERT_EQ(::ftruncate(a.get(), 1 << 20), 0);
  struct flock one_byte {};
  one_byte.l_type = F_RDLCK;
  one_byte.l_whence = SEEK_SET;
  one_byte.l_start = 1 << 19;
  one_byte.l_len = 1;
  EXPECT_EQ(::fcntl(b.get(), F_OFD_SETLK, &one_byte), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(OfdLockTest, TheDestructorUnlocks) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  {
    OfdLock lock;
    ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
  }
  OfdLock other;
  EXPECT_EQ(other.try_lock(b.get(), LockMode::exclusive), 0);
}

TEST_F(OfdLockTest, AMoveTakesTheLockAlong) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  OfdLock first;
  ASSERT_EQ(first.try_lock(a.get(), LockMode::exclusive), 0);
  OfdLock second = std::move(first);
  EXPECT_TRUE(second.held());
  first.unlock();  // NOLINT(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
  OfdLock other;
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), EAGAIN);
  second = OfdLock();
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), 0);
}

// Why each lease opens the file anew.
TEST_F(OfdLockTest, ADupSharesTheLockAndItsUnlock) {
  const UniqueFd a = open();
  const UniqueFd duplicate(::dup(a.get()));
  const UniqueFd b = open();
  OfdLock lock;
  ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
  OfdLock through_duplicate;
  EXPECT_EQ(through_duplicate.try_lock(duplicate.get(), LockMode::exclusive), 0);
  through_duplicate.unlock();
  OfdLock other;
  EXPECT_EQ(other.try_lock(b.get(), LockMode::exclusive), 0);
}

TEST_F(OfdLockTest, LeftToItsDescriptionTheLockEndsWithTheLastDescriptor) {
  UniqueFd a = open();
  UniqueFd duplicate(::dup(a.get()));
  const UniqueFd b = open();
  {
    OfdLock lock;
    ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
    lock.leave();
  }
  OfdLock other;
  a.reset();
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), EAGAIN);
  duplicate.reset();
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), 0);
}

TEST_F(OfdLockTest, AForkedChildCannotDropTheParentsLock) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  OfdLock lock;
  ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
  EXPECT_EQ(test::in_child([&lock] {
              if (lock.held()) return 1;
              lock.unlock();
              lock = OfdLock();
              return 0;
            }),
            0);
  OfdLock other;
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), EAGAIN);
  lock.unlock();
  EXPECT_EQ(other.try_lock(b.get(), LockMode::shared), 0);
}

TEST_F(OfdLockTest, WaitsUntilItsDeadlineThenSaysWho) {
  const UniqueFd a = open();
  const UniqueFd b = open();
  OfdLock lock;
  ASSERT_EQ(lock.try_lock(a.get(), LockMode::exclusive), 0);
  ManualClock clock;
  BoundedWait wait(clock, std::chrono::milliseconds(10));
  OfdLock other;
  EXPECT_EQ(other.lock(b.get(), LockMode::shared, wait), EAGAIN);
  EXPECT_EQ(wait.elapsed(), std::chrono::milliseconds(10));
}

TEST_F(OfdLockTest, ErrorsAreToldApart) {
  const UniqueFd reading = open(O_RDONLY);
  OfdLock lock;
  const int error_number = lock.try_lock(reading.get(), LockMode::exclusive);
  EXPECT_EQ(error_number, EBADF);
  EXPECT_EQ(OfdLock::error(error_number, LockMode::exclusive, "f").code, Code::invalid_input);
  EXPECT_EQ(OfdLock::error(EAGAIN, LockMode::shared, "f").code, Code::busy);
  EXPECT_EQ(OfdLock::error(EINVAL, LockMode::shared, "f").code, Code::unsupported);
  EXPECT_EQ(OfdLock::error(ENOLCK, LockMode::shared, "f").code, Code::io);
  EXPECT_NE(OfdLock::error(EAGAIN, LockMode::shared, "/a/b").message.find("/a/b"),
            std::string::npos);
}

}  // namespace
}  // namespace extreq::lease
