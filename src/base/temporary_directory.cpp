#include "base/temporary_directory.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace extreq {

Result<TemporaryDirectory> TemporaryDirectory::create(const std::string& prefix,
                                                      std::string parent) {
  if (parent.empty()) {
    std::error_code error;
    parent = std::filesystem::temp_directory_path(error).string();
    if (error) parent = "/tmp";
  }
  std::string path = std::move(parent) + "/" + prefix + ".XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return fail_errno("create the folder {}", path);
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::TemporaryDirectory(std::string path) noexcept : path_(std::move(path)) {}

TemporaryDirectory::~TemporaryDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

}  // namespace extreq
