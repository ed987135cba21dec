#include "base/file.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/unique_fd.hpp"

namespace extreq {
namespace {

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

Result<Bytes> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("open {}", path);
  Bytes content;
  constexpr std::size_t chunk = 16384;
  for (;;) {
    const std::size_t at = content.size();
    content.resize(at + chunk);
    const ssize_t got = ::read(fd.get(), content.data() + at, chunk);
    if (got < 0 && errno == EINTR) {
      content.resize(at);
      continue;
    }
    if (got < 0) return fail_errno("read {}", path);
    content.resize(at + static_cast<std::size_t>(got));
    if (content.size() > limit) {
      return fail(Code::too_small, "{} is longer than the {} bytes accepted here", path, limit);
    }
    if (got == 0) return content;
  }
}

Status replace_file(const std::string& path, ByteView content, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return fail_errno("create a file beside {}", path);
  auto status = write_all(fd.get(), content, temporary);
  if (status && ::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) {
    status = fail_errno("set mode of {}", temporary);
  }
  if (status && ::fsync(fd.get()) != 0) status = fail_errno("sync {}", temporary);
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = fail_errno("rename {} to {}", temporary, path);
  }
  if (!status) {
    ::unlink(temporary.c_str());
    return status;
  }
  const auto folder = std::filesystem::absolute(path).parent_path();
  const UniqueFd directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory) ::fsync(directory.get());
  return status;
}

}  // namespace extreq
