#include "crypto/p384/tables.hpp"

#include <algorithm>

#include "crypto/p384/radix52.hpp"
#include "crypto/p384/scalar.hpp"

namespace extreq::crypto::p384 {
namespace {

void limbs_of(P384View big_endian, std::uint64_t (&limbs)[field_limbs]) noexcept {
  P384Limbs words;
  load_big_endian(big_endian, words);
  for (std::size_t i = 0; i < field_limbs; ++i) limbs[i] = limb52(words, i);
}

// Eight tables of `entries` multiples each, from eight points.
void multiples_of(const PointRecord (&bases)[lanes], PointRecord* const (&out)[lanes],
                  std::size_t entries) {
  std::vector<ScratchElement> scratch(ifma_multiples_scratch(1, entries));
  ifma_multiples(bases, out, 1, entries, scratch.data());
}

PointRecord point_of(const P384Limbs& scalar) {
  std::array<std::uint8_t, p384_size> bytes;
  store_big_endian(scalar, bytes);
  return record_of(EcdsaP384PrivateKey::from_scalar(bytes).value().public_key());
}

// n - 2^doublings scalar.
P384Limbs minus_doubled(P384Limbs scalar, std::size_t doublings) {
  for (std::size_t i = 0; i < doublings; ++i) {
    const mp_limb_t carry = mpn_lshift(scalar.data(), scalar.data(), p384_limbs, 1);
    if (carry != 0) {
      mpn_sub_n(scalar.data(), scalar.data(), p384_order.data(), p384_limbs);
    } else {
      scalar = reduce_once(scalar);
    }
  }
  P384Limbs minus;
  mpn_sub_n(minus.data(), p384_order.data(), scalar.data(), p384_limbs);
  return minus;
}

BaseTables make_base_tables() {
  BaseTables tables;
  tables.multiples.resize(base_digits * base_entries);
  // The lanes of one call give the bases of eight digits; the next call begins with the last.
  PointRecord base = point_of({1});
  for (std::size_t first = 0; first < base_digits; first += lanes - 1) {
    PointRecord bases[lanes];
    ifma_spread(base, base_window, bases);
    PointRecord* out[lanes];
    std::vector<PointRecord> beyond(base_entries);  // for lanes behind the last digit
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t digit = first + lane;
      out[lane] = digit < base_digits ? &tables.multiples[digit * base_entries] : beyond.data();
    }
    multiples_of(bases, out, base_entries);
    base = bases[lanes - 1];
  }
  const P384Limbs start = start_scalar();
  tables.start = point_of(start);
  tables.fresh_end = point_of(minus_doubled(start, key_window * (fresh_columns - 1)));
  tables.known_end = point_of(minus_doubled(start, key_window * (known_columns - 1)));
  return tables;
}

}  // namespace

void records_of(std::span<const EcdsaP384PublicKey* const> keys,
                PointRecord (&records)[lanes]) noexcept {
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const EcdsaP384PublicKey& key = *keys[lane < keys.size() ? lane : 0];
    limbs_of(key.qx(), records[lane].x);
    limbs_of(key.qy(), records[lane].y);
  }
  ifma_import(records);
}

PointRecord record_of(const EcdsaP384PublicKey& key) noexcept {
  const EcdsaP384PublicKey* const keys[] = {&key};
  PointRecord records[lanes];
  records_of(keys, records);
  return records[0];
}

KeyTable make_key_table(const EcdsaP384PublicKey& key) {
  PointRecord bases[lanes];
  ifma_spread(record_of(key), key_window * known_columns, bases);
  KeyTable table(known_tables * key_entries);
  PointRecord* out[lanes];
  for (std::size_t lane = 0; lane < lanes; ++lane) out[lane] = &table[lane * key_entries];
  multiples_of(bases, out, key_entries);
  return table;
}

P384Limbs start_scalar() {
  // Any scalar of no special form does: SHA-384 of these words.
  constexpr std::string_view name = "extreq P-384 batch verification: where the sum begins";
  const std::vector<std::uint8_t> bytes(name.begin(), name.end());
  P384Limbs start;
  load_big_endian(sha384(bytes), start);
  return reduce_once(start);
}

const BaseTables& base_tables() {
  static const BaseTables tables = make_base_tables();
  return tables;
}

}  // namespace extreq::crypto::p384
