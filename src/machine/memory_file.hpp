// Anonymous files: the guest's memory has no name in any file system and ends with its last user.
//
// Failure: io. Lifetime: a mapping outlives the descriptor it was made from.
// Threading: a view may be used by any thread.
#pragma once

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace extreq::machine {

// A mapping of a whole file, ended by the destructor.
class Mapping {
 public:
  Mapping() noexcept = default;
  [[nodiscard]] static Result<Mapping> create(int fd, std::size_t size);
  ~Mapping() { unmap(); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;

  [[nodiscard]] MutableByteView view() const noexcept { return view_; }

 private:
  explicit Mapping(MutableByteView view) noexcept : view_(view) {}
  void unmap() noexcept;

  MutableByteView view_;
};

// An anonymous file of `size` zero bytes. `name` shows up in /proc/PID/maps only.
[[nodiscard]] Result<UniqueFd> make_memory_file(const char* name, std::size_t size);

}  // namespace extreq::machine
