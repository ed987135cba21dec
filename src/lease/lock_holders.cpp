#include "lease/lock_holders.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

namespace extreq::lease {
namespace {

namespace fs = std::filesystem;

template <class Integer>
std::optional<Integer> number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls `visit` with each entry of a folder, which may change or vanish meanwhile.
template <class Visit>
void each_entry(const fs::path& folder, Visit visit) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) visit(*entry);
}

// From a line such as "lock:  1: OFDLCK  ADVISORY  READ -1 fe:00:1234 0 EOF". Locks of flock(2)
// and leases do not conflict with ours.
std::optional<LockMode> lock_of(const fs::path& fdinfo) {
  std::ifstream lines(fdinfo);
  std::optional<LockMode> mode;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("lock:", 0) != 0) continue;
    if (line.find("OFDLCK") == std::string::npos && line.find("POSIX") == std::string::npos) {
      continue;
    }
    if (line.find("WRITE") != std::string::npos) return LockMode::exclusive;
    mode = LockMode::shared;
  }
  return mode;
}

std::string command_of(const fs::path& process) {
  std::ifstream file(process / "comm");
  std::string name;
  std::getline(file, name);
  return name;
}

}  // namespace

std::vector<LockHolder> find_lock_holders(const FileIdentity& file) {
  std::vector<LockHolder> holders;
  each_entry("/proc", [&](const fs::directory_entry& process) {
    const auto pid = number<pid_t>(process.path().filename().native());
    if (!pid) return;
    each_entry(process.path() / "fd", [&](const fs::directory_entry& link) {
      FileStatus status;
      if (file_status(link.path().native(), status) != 0 || status.identity != file) return;
      const std::string descriptor = link.path().filename().native();
      const auto mode = lock_of(process.path() / "fdinfo" / descriptor);
      if (!mode) return;
      holders.push_back(
          {*pid, command_of(process.path()), number<int>(descriptor).value_or(-1), *mode});
    });
  });
  return holders;
}

std::string describe(const std::vector<LockHolder>& holders) {
  if (holders.empty()) return "nobody that this user may look at";
  std::string text;
  for (const LockHolder& holder : holders) {
    if (!text.empty()) text += "; ";
    text +=
        fmt::format("process {} ({}), descriptor {}, {} lock", holder.process, holder.command,
                    holder.descriptor, holder.mode == LockMode::shared ? "shared" : "exclusive");
  }
  return text;
}

}  // namespace extreq::lease
