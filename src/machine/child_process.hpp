// ChildProcess: a program that never outlives us.
//
// Effect: the child is killed when the thread that started it ends, however that happens (kill -9
// included), and by the destructor. It is in a process group of its own, so that a terminal's
// Ctrl-C reaches us, not it. It inherits standard error to a pipe that is read when it has ended,
// and the descriptors that are named; nothing else.
// Lifetime: the thread that calls start() must live as long as the child is needed.
// Threading: one thread at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace extreq::machine {

class ChildProcess {
 public:
  // `arguments` starts with the program, which is looked for in $PATH. `inherited` descriptors keep
  // their numbers in the child; they must be close-on-exec here.
  // Failure: not_found (no such program), io.
  [[nodiscard]] static Result<ChildProcess> start(const std::vector<std::string>& arguments,
                                                  const std::vector<int>& inherited);
  ~ChildProcess() { kill(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  // Waits for its end, at most so long. True if it has ended.
  [[nodiscard]] bool wait(std::chrono::milliseconds at_most);
  // SIGKILL to its group, and waits. Nothing if it has ended.
  void kill() noexcept;
  // Whether it has ended, and with exit status 0.
  [[nodiscard]] bool succeeded() const noexcept;
  // "exit status 1" or "signal 9", then what it wrote to standard error (the last part of it).
  [[nodiscard]] std::string last_words();

 private:
  ChildProcess(pid_t pid, UniqueFd errors) noexcept : pid_(pid), errors_(std::move(errors)) {}

  pid_t pid_ = -1;
  std::optional<int> wait_status_;
  UniqueFd errors_;
};

}  // namespace extreq::machine
