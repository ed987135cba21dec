#include "lease/vm_blobs.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace extreq::lease {
namespace {

constexpr std::string_view suffix = ".blob";

bool is_vm_blob(const std::filesystem::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code error;
  return !name.starts_with('.') && name.ends_with(suffix) &&
         std::filesystem::is_regular_file(entry.symlink_status(error));
}

}  // namespace

std::string vm_blob_folder(const std::string& blob_path) { return blob_path + ".d"; }

std::string vm_name(const std::string& vm_blob_path) {
  return std::filesystem::path(vm_blob_path).stem().string();
}

Result<std::vector<std::string>> find_vm_blobs(const std::string& blob_path) {
  const std::string folder = vm_blob_folder(blob_path);
  std::vector<std::string> paths;
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error == std::errc::no_such_file_or_directory) return paths;
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (is_vm_blob(*entries)) paths.push_back(entries->path().string());
  }
  if (error) return fail(Code::io, "look for VMs' blobs in {}: {}", folder, error.message());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace extreq::lease
