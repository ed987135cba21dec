// OfdLock: a lock of an open file description over a whole file (fcntl(2), "Open file description
// locks"), as Linux' KVM documentation asks of who reads and who changes certificates.
//
// Effect: holds the lock until unlock() or the destructor. The lock belongs to the description
// behind the descriptor: descriptors made by dup, fork or sending share it, and F_UNLCK through one
// of them drops it for all. So each lease needs an open() of its own.
// Lifetime: the descriptor is the caller's and must stay open while the lock is held.
// Threading: one thread at a time. In a forked child unlock() does nothing.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "lease/bounded_wait.hpp"
#include "lease/process_mark.hpp"

namespace extreq::lease {

enum class LockMode : std::uint8_t {
  shared,     // needs a descriptor that is open for reading
  exclusive,  // needs one that is open for writing
};

class OfdLock {
 public:
  OfdLock() noexcept = default;
  ~OfdLock() { unlock(); }
  OfdLock(const OfdLock&) = delete;
  OfdLock& operator=(const OfdLock&) = delete;
  OfdLock(OfdLock&& other) noexcept;
  OfdLock& operator=(OfdLock&& other) noexcept;

  // One attempt; asks for nothing else and does not allocate. Must not be held.
  // Answers 0 for "held", EAGAIN for "somebody holds it in a mode that does not allow ours", or
  // another errno value: see error().
  [[nodiscard]] int try_lock(int fd, LockMode mode) noexcept;

  // The same, again and again while it is EAGAIN, until the wait is over.
  [[nodiscard]] int lock(int fd, LockMode mode, BoundedWait& wait) noexcept;

  void unlock() noexcept;

  // Leaves the lock to the description: it ends when its last descriptor is closed, in whatever
  // process.
  void leave() noexcept { fd_ = -1; }

  [[nodiscard]] bool held() const noexcept { return fd_ >= 0 && process_.here(); }

  // What an errno value of try_lock() means: busy for EAGAIN and EACCES; invalid_input for a
  // descriptor that is not open for this mode; unsupported for a file or kernel that cannot lock;
  // io for all others.
  [[nodiscard]] static Error error(int error_number, LockMode mode, const std::string& path);

 private:
  int fd_ = -1;
  ProcessMark process_;
};

}  // namespace extreq::lease
