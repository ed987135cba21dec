#include "base/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/new_file.hpp"
#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq {
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
  EXTREQ_TRY_ASSIGN(NewFile file, NewFile::write(path, content, mode));
  EXTREQ_TRY(file.commit());
  sync_folder_of(path);
  return {};
}

}  // namespace extreq
