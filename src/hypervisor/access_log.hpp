// AccessLog: remembers every access of the host to guest memory, to prove that a byte which the
// guest may change is fetched once and not twice.
//
// Threading: any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "hypervisor/guest_memory.hpp"

namespace extreq::hypervisor {

class AccessLog final : public AccessObserver {
 public:
  struct Access {
    std::uint64_t gpa = 0;
    std::size_t length = 0;
    Kind kind = Kind::read;
  };
  using Hook = std::function<void(const Access&)>;

  // Called after each access, by its thread: the moment at which a hostile guest would strike. Set
  // it while nobody accesses the memory.
  void set_hook(Hook hook) { hook_ = std::move(hook); }

  void accessed(std::uint64_t gpa, std::size_t length, Kind kind) override;

  [[nodiscard]] std::vector<Access> accesses() const;
  // The addresses of the bytes that were read more than once, in order.
  [[nodiscard]] std::vector<std::uint64_t> bytes_read_again() const;
  void clear();

 private:
  Hook hook_;
  mutable std::mutex mutex_;
  std::vector<Access> accesses_;
};

}  // namespace extreq::hypervisor
