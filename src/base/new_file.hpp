// NewFile: complete content under a temporary name beside its final name, until it gets that name.
#pragma once

#include <string>

#include "base/bytes.hpp"

namespace extreq {

// Lifetime: the destructor removes the temporary file if commit() did not succeed. A process that
// is killed leaves it: PATH, a dot and six characters.
class NewFile {
 public:
  // Effect: writes `content` beside `path` and syncs it to disk. `path` itself stays as it is.
  // Failure: invalid_input if `path` is there and is no regular file: a rename would replace a
  // device, or take the place of a symbolic link; io, not_found with errno's text.
  [[nodiscard]] static Result<NewFile> write(const std::string& path, ByteView content,
                                             unsigned mode);

  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&& other) = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  // Effect: the content has its final name, in place of what had it. It is not synced.
  [[nodiscard]] Status commit();

 private:
  NewFile(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}

  std::string path_;
  std::string temporary_;  // empty once it has its final name
};

// The folder that `path` lies in.
[[nodiscard]] std::string folder_of(const std::string& path);

// Effect: the names in the folder of `path` are on disk, where the folder can be synced.
void sync_folder_of(const std::string& path);

}  // namespace extreq
