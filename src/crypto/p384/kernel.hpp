// The eight-lane kernel: u1 G + u2 Q for eight signatures at once, and the tables that it reads.
//
// This is the border between the code that any CPU runs and the two files compiled for AVX-512
// IFMA: plain structs and pointers only, so that no function compiled for AVX-512 can become the
// program's copy of a template. Call nothing but ifma_available() where it says no.
//
// Variable time, and memory addresses depend on its inputs: for public data only. Never sign with
// it, never multiply by a secret.
// Threading: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

namespace extreq::crypto::p384 {

inline constexpr std::size_t lanes = 8;
inline constexpr std::size_t field_limbs = 8;  // of 52 bits: field elements below 2^416
inline constexpr unsigned field_limb_bits = 52;

// An affine point, each coordinate times 2^416 modulo the field's prime p, below 2p.
struct alignas(64) PointRecord {
  std::uint64_t x[field_limbs];
  std::uint64_t y[field_limbs];
};
static_assert(sizeof(PointRecord) == 128);

// A key's multiplier in signed digits of 5 bits, -15 to 16, times the multiples 1 to 16 of the key.
inline constexpr unsigned key_window = 5;
inline constexpr std::size_t key_entries = 16;
// A key that was not seen before: one table of 16 points, 77 digits, five doublings between two.
inline constexpr std::size_t fresh_tables = 1;
inline constexpr std::size_t fresh_columns = 77;
// A known key: tables for 2^(50 j) times the key, so that ten digits share their doublings.
inline constexpr std::size_t known_tables = 8;
inline constexpr std::size_t known_columns = 10;
inline constexpr std::size_t key_digits_max = known_tables * known_columns;
static_assert(key_window * fresh_columns > 384 && fresh_columns <= key_digits_max);

// The base point's multiplier in signed digits of 7 bits, -63 to 64; each digit has its own table.
inline constexpr unsigned base_window = 7;
inline constexpr std::size_t base_entries = 64;
inline constexpr std::size_t base_digits = 55;
static_assert(base_window * base_digits > 384);

// Eight questions of one shape.
struct Group {
  std::size_t tables;                             // for each key: fresh_tables or known_tables
  std::size_t columns;                            // digits for each table
  const PointRecord* key_tables[lanes];           // tables * key_entries points
  const PointRecord* base_table;                  // base_digits * base_entries points
  const PointRecord* start;                       // any point B, with which the sum begins, and
  const PointRecord* end;                         // -2^(5 (columns - 1)) B, with which it ends
  std::int8_t key_digits[key_digits_max][lanes];  // table j, column c: at j * columns + c
  std::int8_t base_digits[p384::base_digits][lanes];
  alignas(64) std::uint64_t r[field_limbs][lanes];  // limb i of each lane's r
};

// A bit for each lane. `undecided`: the sum met a special case of the addition law (or is the
// point at infinity); somebody else must judge. Otherwise `equal` says whether the sum's x is r.
struct Answer {
  std::uint8_t equal;
  std::uint8_t undecided;
};

// The CPU and the operating system have AVX-512 F, DQ, VL and IFMA.
[[nodiscard]] bool ifma_available() noexcept;

[[nodiscard]] Answer ifma_check(const Group& group) noexcept;

// Coordinates below p as 52-bit limbs, to and from the form of PointRecord.
void ifma_import(PointRecord (&points)[lanes]) noexcept;

// Multiples 1 to `entries` of `groups` times eight points: bases[8 g + l] to out[8 g + l].
// `scratch` holds ifma_multiples_scratch() elements. No base may be of an order that `entries`
// reaches.
struct alignas(64) ScratchElement {
  std::uint64_t limbs[field_limbs][lanes];
};
[[nodiscard]] constexpr std::size_t ifma_multiples_scratch(std::size_t groups,
                                                           std::size_t entries) noexcept {
  return groups * entries * 4;
}
void ifma_multiples(const PointRecord* bases, PointRecord* const* out, std::size_t groups,
                    std::size_t entries, ScratchElement* scratch) noexcept;

// out[l] = 2^(l * doublings) base, for each lane l.
void ifma_spread(const PointRecord& base, std::size_t doublings,
                 PointRecord (&out)[lanes]) noexcept;

}  // namespace extreq::crypto::p384
