// The run area is shared with user space, which may be hostile: each field is loaded and stored as
// a whole, once.
#pragma once

#include <atomic>
#include <type_traits>

namespace extreq::hypervisor {

template <class Integer>
[[nodiscard]] Integer load_once(Integer& field) noexcept {
  return std::atomic_ref<Integer>(field).load(std::memory_order_relaxed);
}

template <class Integer>
void store_once(Integer& field, std::type_identity_t<Integer> value) noexcept {
  std::atomic_ref<Integer>(field).store(value, std::memory_order_relaxed);
}

}  // namespace extreq::hypervisor
