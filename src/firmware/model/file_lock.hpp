// FileLock: one holder at a time, among the threads of this object and all that lock the same file.
//
// A mutex for the threads, and flock(2) on an open file description of its own for other processes
// and other FileLocks of this process. The lock ends with its holder, kill -9 included.
// A child of fork() shares the description, so it must open a FileLock of its own.
// Threading: any thread.
#pragma once

#include <mutex>
#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace extreq::firmware::model {

class FileLock {
 public:
  FileLock() = default;  // threads of this object only
  explicit FileLock(UniqueFd file) noexcept : file_(std::move(file)) {}

  // Opens the lock file, made with mode 0600 if it is missing. Failure: io.
  [[nodiscard]] static Result<UniqueFd> open_file(const std::string& path);

  class Guard {
   public:
    Guard(std::unique_lock<std::mutex> threads, int file) noexcept
        : threads_(std::move(threads)), file_(file) {}
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    Guard(Guard&& other) noexcept
        : threads_(std::move(other.threads_)), file_(std::exchange(other.file_, -1)) {}
    Guard& operator=(Guard&&) = delete;

   private:
    std::unique_lock<std::mutex> threads_;
    int file_;
  };

  // Waits for the lock. Lifetime: the guard must not outlive this object. Failure: io.
  [[nodiscard]] Result<Guard> lock();

 private:
  std::mutex mutex_;
  UniqueFd file_;
};

}  // namespace extreq::firmware::model
