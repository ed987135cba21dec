// How a failure crosses the C interface: a negative errno value, and words for the thread.
#pragma once

#include <cerrno>
#include <exception>
#include <new>

#include "base/result.hpp"

namespace extreq::vmm {

// Keeps the words for extreq_vmm_error(), cut off where they are too long, and gives the value.
// Allocates nothing.
int c_failure(int negative_errno, const char* words) noexcept;
int c_failure(const Error& error) noexcept;
[[nodiscard]] const char* last_c_failure() noexcept;

// Calls `body`, which gives the answer; nothing thrown gets past it.
template <class Body>
int c_guarded(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return c_failure(-ENOMEM, "no memory");
  } catch (const std::exception& thrown) {
    return c_failure(-EIO, thrown.what());
  }
}

}  // namespace extreq::vmm
