#include "firmware/model/leftovers.hpp"

#include <filesystem>
#include <system_error>

namespace extreq::firmware::model {

void remove_leftovers(const std::string& path) noexcept try {
  // replace_file writes to `path`, a dot and six characters.
  constexpr std::size_t suffix = 7;
  const std::filesystem::path file(path);
  const std::string prefix = file.filename().string() + ".";
  std::error_code failed;
  for (std::filesystem::directory_iterator at(file.parent_path(), failed), end;
       !failed && at != end; at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(prefix) && name.size() == prefix.size() + suffix - 1) {
      std::error_code gone;
      std::filesystem::remove(at->path(), gone);
    }
  }
} catch (const std::exception&) {
  // Out of memory: they stay until the next time.
  return;
}

}  // namespace extreq::firmware::model
