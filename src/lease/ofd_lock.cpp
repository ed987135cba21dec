#include "lease/ofd_lock.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>

namespace extreq::lease {
namespace {

// 0 or errno.
int set_lock(int fd, short type) noexcept {
  struct flock whole_file {};  // start 0, length 0: to the end, wherever that will be
  whole_file.l_type = type;
  whole_file.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &whole_file) == 0 ? 0 : errno;
}

const char* name(LockMode mode) noexcept {
  return mode == LockMode::shared ? "shared" : "exclusive";
}

}  // namespace

OfdLock::OfdLock(OfdLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), process_(other.process_) {}

OfdLock& OfdLock::operator=(OfdLock&& other) noexcept {
  if (this != &other) {
    unlock();
    fd_ = std::exchange(other.fd_, -1);
    process_ = other.process_;
  }
  return *this;
}

int OfdLock::try_lock(int fd, LockMode mode) noexcept {
  process_ = ProcessMark();
  int error_number = set_lock(fd, mode == LockMode::shared ? F_RDLCK : F_WRLCK);
  if (error_number == EACCES) error_number = EAGAIN;  // fcntl(2) allows either for a conflict
  if (error_number == 0) fd_ = fd;
  return error_number;
}

int OfdLock::lock(int fd, LockMode mode, BoundedWait& wait) noexcept {
  for (;;) {
    const int error_number = try_lock(fd, mode);
    if (error_number != EAGAIN || !wait.again()) return error_number;
  }
}

void OfdLock::unlock() noexcept {
  if (held()) set_lock(fd_, F_UNLCK);
  fd_ = -1;
}

Error OfdLock::error(int error_number, LockMode mode, const std::string& path) {
  const std::string what = fmt::format("{} lock on {}", name(mode), path);
  switch (error_number) {
    case EAGAIN:
      return {Code::busy, what + ": held by somebody else"};
    case EBADF:
      return {Code::invalid_input, what + ": the file is not open for this kind of lock"};
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS:
      return {Code::unsupported, what +
                                     ": this kernel or file system has no such locks (Linux "
                                     "3.15 and a local file system are needed)"};
    default:
      return {Code::io, what + ": " + std::generic_category().message(error_number) + " (errno " +
                            std::to_string(error_number) + ")"};
  }
}

}  // namespace extreq::lease
