// GMP integers as values, for tests: the judge of our own arithmetic.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <ostream>
#include <string>

#include <gmp.h>

#include "crypto/ecdsa_p384.hpp"

namespace extreq::crypto::p384 {

class Integer {
 public:
  Integer() { mpz_init(value_); }
  explicit Integer(unsigned long value) { mpz_init_set_ui(value_, value); }
  explicit Integer(const char* hexadecimal) { mpz_init_set_str(value_, hexadecimal, 16); }
  Integer(const Integer& other) { mpz_init_set(value_, other.value_); }
  Integer(Integer&& other) noexcept {
    mpz_init(value_);
    mpz_swap(value_, other.value_);
  }
  Integer& operator=(Integer other) noexcept {
    mpz_swap(value_, other.value_);
    return *this;
  }
  ~Integer() { mpz_clear(value_); }

  [[nodiscard]] mpz_ptr raw() { return value_; }
  [[nodiscard]] mpz_srcptr raw() const { return value_; }

  friend Integer operator+(const Integer& a, const Integer& b) {
    Integer r;
    mpz_add(r.value_, a.value_, b.value_);
    return r;
  }
  friend Integer operator-(const Integer& a, const Integer& b) {
    Integer r;
    mpz_sub(r.value_, a.value_, b.value_);
    return r;
  }
  friend Integer operator*(const Integer& a, const Integer& b) {
    Integer r;
    mpz_mul(r.value_, a.value_, b.value_);
    return r;
  }
  friend Integer operator<<(const Integer& a, unsigned long bits) {
    Integer r;
    mpz_mul_2exp(r.value_, a.value_, bits);
    return r;
  }
  // Never negative.
  friend Integer operator%(const Integer& a, const Integer& b) {
    Integer r;
    mpz_mod(r.value_, a.value_, b.value_);
    return r;
  }
  friend bool operator==(const Integer& a, const Integer& b) {
    return mpz_cmp(a.value_, b.value_) == 0;
  }
  friend bool operator<(const Integer& a, const Integer& b) {
    return mpz_cmp(a.value_, b.value_) < 0;
  }

 private:
  mpz_t value_;
};

inline Integer inverse(const Integer& a, const Integer& modulus) {
  Integer r;
  mpz_invert(r.raw(), a.raw(), modulus.raw());
  return r;
}

inline void PrintTo(const Integer& a, std::ostream* out) {
  std::string text(mpz_sizeinbase(a.raw(), 16) + 2, '\0');
  *out << mpz_get_str(text.data(), 16, a.raw());
}

// Big-endian. The integer is below 2^384.
using Bytes48 = std::array<std::uint8_t, p384_size>;

inline Bytes48 bytes48_of(const Integer& value) {
  Bytes48 bytes{};
  std::size_t count = 0;
  Bytes48 little{};
  mpz_export(little.data(), &count, -1, 1, 0, 0, value.raw());
  std::ranges::reverse_copy(little, bytes.begin());
  return bytes;
}

inline Integer integer_of(const Bytes48& bytes) {
  Integer value;
  mpz_import(value.raw(), bytes.size(), 1, 1, 1, 0, bytes.data());
  return value;
}

inline const Integer& field_prime() {
  static const Integer p(
      "ffffffffffffffffffffffffffffffffffffffffffffffff"
      "fffffffffffffffeffffffff0000000000000000ffffffff");
  return p;
}

inline const Integer& group_order() {
  static const Integer n(
      "ffffffffffffffffffffffffffffffffffffffffffffffff"
      "c7634d81f4372ddf581a0db248b0a77aecec196accc52973");
  return n;
}

}  // namespace extreq::crypto::p384
