#include "firmware/model/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

namespace extreq::firmware::model {

Result<UniqueFd> FileLock::open_file(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno("open the lock file {}", path);
  return file;
}

FileLock::Guard::~Guard() {
  // Before the mutex goes: the next thread must find the file unlocked.
  if (file_ >= 0) ::flock(file_, LOCK_UN);
}

Result<FileLock::Guard> FileLock::lock() {
  std::unique_lock threads(mutex_);
  while (file_ && ::flock(file_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock the state directory");
  }
  return Guard(std::move(threads), file_.get());
}

}  // namespace extreq::firmware::model
