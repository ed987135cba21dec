// TemporaryDirectory: a private folder, removed with its content.
#pragma once

#include <string>

#include "base/result.hpp"

namespace extreq {

class TemporaryDirectory {
 public:
  // In `parent`; without one, in $TMPDIR or /tmp. Failure: not_found, io.
  [[nodiscard]] static Result<TemporaryDirectory> create(const std::string& prefix,
                                                         std::string parent = {});
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) noexcept;
  std::string path_;  // empty after a move
};

}  // namespace extreq
