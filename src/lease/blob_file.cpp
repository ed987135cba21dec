#include "lease/blob_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/try.hpp"

namespace extreq::lease {
namespace {

constexpr int create_attempts = 8;

void fill(const struct stat& from, FileStatus& status) noexcept {
  status.identity = {from.st_dev, from.st_ino};
  status.size = static_cast<std::uint64_t>(from.st_size);
}

Result<OpenFile> identified(UniqueFd fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return fail_errno("stat {}", path);
  if (!S_ISREG(info.st_mode)) {
    return fail(Code::invalid_input, "{}: mode {:o}, not a regular file", path, info.st_mode);
  }
  FileStatus status;
  fill(info, status);
  return OpenFile{std::move(fd), status.identity};
}

}  // namespace

Result<OpenFile> open_file(const std::string& path, Access access) {
  const int mode = access == Access::read ? O_RDONLY : O_RDWR;
  UniqueFd fd(::open(path.c_str(), mode | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return fail_errno("open {} for {}", path, access == Access::read ? "reading" : "writing");
  }
  return identified(std::move(fd), path);
}

Result<OpenFile> open_or_create_file(const std::string& path) {
  // Open and create by turns: somebody else may create or remove it in between.
  for (int attempt = 0; attempt < create_attempts; ++attempt) {
    auto opened = open_file(path, Access::write);
    if (opened || opened.error().code != Code::not_found) return opened;
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, blob_file_mode));
    if (fd) {
      if (::fchmod(fd.get(), blob_file_mode) != 0) return fail_errno("set the mode of {}", path);
      return identified(std::move(fd), path);
    }
    if (errno != EEXIST) return fail_errno("create {}", path);
  }
  return fail(Code::busy, "create {}: it came and went {} times", path, create_attempts);
}

int file_status(const std::string& path, FileStatus& status) noexcept {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno;
  fill(info, status);
  return 0;
}

int file_status(int fd, FileStatus& status) noexcept {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return errno;
  fill(info, status);
  return 0;
}

ssize_t read_at_start(int fd, MutableByteView bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count == 0) break;
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return -errno;
    }
  }
  return static_cast<ssize_t>(done);
}

int write_at(int fd, std::uint64_t offset, ByteView bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace extreq::lease
