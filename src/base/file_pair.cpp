#include "base/file_pair.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "base/new_file.hpp"
#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq {
namespace {

// The lock is held for three system calls.
constexpr auto longest_wait = std::chrono::seconds(1);
constexpr auto between_tries = std::chrono::milliseconds(5);

bool same_file(const std::string& one, const std::string& other) {
  const std::filesystem::path first(one);
  const std::filesystem::path second(other);
  if (first.filename() != second.filename()) return false;
  struct stat a {};
  struct stat b {};
  return ::stat(folder_of(one).c_str(), &a) == 0 && ::stat(folder_of(other).c_str(), &b) == 0 &&
         a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

Result<UniqueFd> lock_folder_of(const std::string& path) {
  const std::string folder = folder_of(path);
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno("open {}", folder);
  const auto deadline = std::chrono::steady_clock::now() + longest_wait;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock {}", folder);
    if (std::chrono::steady_clock::now() >= deadline) {
      return fail(Code::busy,
                  "write {}: another process has held the lock of {} for a second. Wait for its "
                  "end, or name a file in another folder",
                  path, folder);
    }
    std::this_thread::sleep_for(between_tries);
  }
  return fd;
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno("remove {}", path);
}

}  // namespace

Status replace_file_pair(const FileContent& first, const FileContent& second, unsigned mode) {
  if (first.path.empty() && second.path.empty()) return {};
  if (second.path.empty()) return replace_file(first.path, first.content, mode);
  if (!first.path.empty() && same_file(first.path, second.path)) {
    return fail(Code::invalid_input, "{} and {} are the same file, two names are expected",
                first.path, second.path);
  }
  std::optional<NewFile> new_first;
  if (!first.path.empty()) {
    EXTREQ_TRY_ASSIGN(NewFile file, NewFile::write(first.path, first.content, mode));
    new_first.emplace(std::move(file));
  }
  // Without content it is not committed: writing it has shown that the name may be replaced.
  EXTREQ_TRY_ASSIGN(NewFile new_second, NewFile::write(second.path, second.content, mode));
  {
    EXTREQ_TRY_ASSIGN(const UniqueFd lock,
                      lock_folder_of(first.path.empty() ? second.path : first.path));
    EXTREQ_TRY(remove_file(second.path));
    if (new_first) EXTREQ_TRY(new_first->commit());
    if (!second.content.empty()) EXTREQ_TRY(new_second.commit());
  }
  if (new_first) sync_folder_of(first.path);
  sync_folder_of(second.path);
  return {};
}

}  // namespace extreq
