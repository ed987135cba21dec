#include "host/file_watch.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <poll.h>
#include <sys/inotify.h>

namespace extreq::host {
namespace {

// Not IN_MODIFY and IN_CLOSE_NOWRITE: a lease is no change. A writer's end is IN_CLOSE_WRITE.
constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                 IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

bool names(std::string_view pattern, std::string_view name) {
  return pattern.starts_with('*') ? name.ends_with(pattern.substr(1)) : name == pattern;
}

}  // namespace

Result<FileWatch> FileWatch::open(const std::vector<std::string>& files) {
  UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return fail_errno("inotify");
  FileWatch watch(std::move(inotify));
  for (const std::string& file : files) {
    const auto slash = file.rfind('/');
    Target target;
    target.folder =
        slash == std::string::npos ? "." : file.substr(0, std::max<std::size_t>(slash, 1));
    target.name = slash == std::string::npos ? file : file.substr(slash + 1);
    watch.targets_.push_back(std::move(target));
  }
  watch.find_folders();
  return watch;
}

void FileWatch::find_folders() noexcept {
  for (Target& target : targets_) {
    if (target.watch < 0) {
      target.watch = ::inotify_add_watch(inotify_.get(), target.folder.c_str(), events);
    }
  }
}

Result<Wake> FileWatch::wait(Clock::Duration max_wait, int stop) {
  find_folders();
  const auto deadline = system_clock().now() + max_wait;
  for (;;) {
    const auto rest = std::max(deadline - system_clock().now(), Clock::Duration::zero());
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(rest).count();
    constexpr decltype(milliseconds) longest = 60'000;
    std::array<pollfd, 2> pollers = {{{stop, POLLIN, 0}, {inotify_.get(), POLLIN, 0}}};
    const int count =
        ::poll(pollers.data(), pollers.size(), static_cast<int>(std::min(milliseconds, longest)));
    if (count < 0 && errno != EINTR) return fail_errno("wait for changes");
    if (count > 0 && pollers[0].revents != 0) return Wake::stopped;
    if (count > 0 && take_events()) return Wake::changed;
    if (system_clock().now() >= deadline) return Wake::due;
  }
}

// True if one of them is about a file that is watched.
bool FileWatch::take_events() {
  bool matters = false;
  alignas(inotify_event) std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return matters;
    std::size_t at = 0;
    while (at + sizeof(inotify_event) <= static_cast<std::size_t>(size)) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* const name = buffer.data() + at + sizeof(event);
      at += sizeof(event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) matters = true;
      for (Target& target : targets_) {
        if (target.watch != event.wd) continue;
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) {
          if ((event.mask & IN_MOVE_SELF) != 0) ::inotify_rm_watch(inotify_.get(), target.watch);
          target.watch = -1;
          matters = true;
        } else if (event.len > 0 && names(target.name, name)) {
          matters = true;
        }
      }
    }
  }
}

}  // namespace extreq::host
