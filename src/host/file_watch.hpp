// FileWatch: waits until a file is changed, made, replaced or removed, by inotify(7).
//
// It is a reason to look sooner, never the only one: whoever waits here looks at intervals too.
// Threading: one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace extreq::host {

enum class Wake : std::uint8_t {
  due,      // the time is over
  changed,  // something happened to one of the files
  stopped,  // the other descriptor is readable
};

class FileWatch {
 public:
  // Watches the folders of these files; a file called "*.SUFFIX" stands for all with this end. A
  // folder that does not exist (any more) is looked for again at each wait. Failure: io: no
  // inotify.
  [[nodiscard]] static Result<FileWatch> open(const std::vector<std::string>& files);

  // Waits at most `max_wait` (of real time). `stop`: a descriptor; -1: none.
  // Failure: io: poll(2) failed.
  [[nodiscard]] Result<Wake> wait(Clock::Duration max_wait, int stop);

 private:
  struct Target {
    std::string folder;
    std::string name;  // or "*" and how it ends
    int watch = -1;
  };
  explicit FileWatch(UniqueFd inotify) noexcept : inotify_(std::move(inotify)) {}
  void find_folders() noexcept;
  [[nodiscard]] bool take_events();

  UniqueFd inotify_;
  std::vector<Target> targets_;
};

}  // namespace extreq::host
