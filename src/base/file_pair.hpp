// Two files of which the second belongs to the first: a report and its certificates, an ID block
// and its signature. If both are on disk, they were written together.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace extreq {

struct FileContent {
  std::string path;  // empty: this one is not written
  ByteView content;
};

// Effect: the first file has its new content, then the second one; if `second` has no content,
// there is no second file afterwards. Both are written completely under temporary names first, so
// that a full disk changes nothing. Then the old second file is removed, the first replaced, the
// second put in its place: a process that is killed leaves both old files, the old or the new first
// one alone, or both new ones.
// Processes that write the same pair at once take turns, by flock(2) on the folder of the first
// file. Who reads a pair that may be written at the same time takes that lock too (flock --shared).
// A power failure keeps the order where the file system keeps the order of renames.
// Failure: invalid_input if both are the same file, or one is there and is no regular file; busy if
// another process holds the folder's lock for more than a second; not_found, io with errno's text.
[[nodiscard]] Status replace_file_pair(const FileContent& first, const FileContent& second,
                                       unsigned mode);

}  // namespace extreq
