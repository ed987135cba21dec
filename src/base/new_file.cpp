#include "base/new_file.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq {
namespace {

const char* kind_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "folder";
  if (S_ISLNK(mode)) return "symbolic link";
  if (S_ISFIFO(mode)) return "pipe";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

Status check_replaceable(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("look at {}", path);
  }
  if (S_ISREG(status.st_mode)) return {};
  return fail(Code::invalid_input,
              "write {}: it is a {}, a regular file or a free name is expected. Name another file",
              path, kind_of(status.st_mode));
}

Status write_all(int fd, ByteView content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write {}", path);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<NewFile> NewFile::write(const std::string& path, ByteView content, unsigned mode) {
  EXTREQ_TRY(check_replaceable(path));
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return fail_errno("create a file beside {}", path);
  NewFile file(path, temporary);
  EXTREQ_TRY(write_all(fd.get(), content, temporary));
  if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) {
    return fail_errno("set mode of {}", temporary);
  }
  if (::fsync(fd.get()) != 0) return fail_errno("sync {}", temporary);
  return file;
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status NewFile::commit() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return fail_errno("rename {} to {}", temporary_, path_);
  }
  temporary_.clear();
  return {};
}

std::string folder_of(const std::string& path) {
  return std::filesystem::absolute(path).parent_path().string();
}

void sync_folder_of(const std::string& path) {
  const UniqueFd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

}  // namespace extreq
