// Whole small files in one call. Sizes are bounded, so that a wrong path cannot fill memory.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace extreq {

// Failure: not_found, io with errno's text; too_small if the file is longer than `limit`.
[[nodiscard]] Result<Bytes> read_file(const std::string& path, std::size_t limit = 1U << 20U);

// Writes a new file beside `path` and renames it over `path`, synced to disk: a crash leaves the
// old or the new content, never a mixture. `mode` is the permission of the new file.
// Failure: invalid_input if `path` is there and is no regular file; io, not_found.
// Not for lock files: readers that hold the old file open keep the old content.
[[nodiscard]] Status replace_file(const std::string& path, ByteView content, unsigned mode);

}  // namespace extreq
