// Tables of multiples that the kernel reads: of the base point, made once per process, and of keys
// that are used often. Only where ifma_available().
//
// Threading: const objects may be read from any number of threads.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "crypto/ecdsa_p384.hpp"
#include "crypto/p384/kernel.hpp"
#include "crypto/p384_limbs.hpp"

namespace extreq::crypto::p384 {

// The point in the kernel's form.
[[nodiscard]] PointRecord record_of(const EcdsaP384PublicKey& key) noexcept;
// The same for up to eight keys at once; the lanes without a key repeat the first one.
void records_of(std::span<const EcdsaP384PublicKey* const> keys,
                PointRecord (&records)[lanes]) noexcept;

// known_tables times key_entries points: 16 KiB.
using KeyTable = std::vector<PointRecord>;
// Some hundred microseconds: worth it for a key that is used a dozen times.
[[nodiscard]] KeyTable make_key_table(const EcdsaP384PublicKey& key);

// The scalar of the point with which every sum begins. Public: who aims a key at it makes the
// kernel undecided, which costs time and changes no verdict.
[[nodiscard]] P384Limbs start_scalar();

struct BaseTables {
  std::vector<PointRecord> multiples;  // base_digits times base_entries points: 450 KB
  PointRecord start;                   // B
  PointRecord fresh_end;               // -2^(5 (fresh_columns - 1)) B
  PointRecord known_end;               // -2^(5 (known_columns - 1)) B
};
// Made at the first call, in about two milliseconds.
[[nodiscard]] const BaseTables& base_tables();

}  // namespace extreq::crypto::p384
