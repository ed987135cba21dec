// Wiped<T>: a working variable of a cryptographic library that holds key material.
//
// Effect: `value` is overwritten when the variable goes out of scope, on every path.
// Threading: a local variable.
#pragma once

#include <cstring>
#include <type_traits>

namespace extreq::crypto {

template <class T>
struct Wiped {
  static_assert(std::is_trivially_copyable_v<T>);

  Wiped() noexcept = default;
  ~Wiped() { explicit_bzero(&value, sizeof(value)); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  Wiped(Wiped&&) = delete;
  Wiped& operator=(Wiped&&) = delete;

  T value{};
};

}  // namespace extreq::crypto
