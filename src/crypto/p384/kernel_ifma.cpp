// Compiled for AVX-512 IFMA: see kernel.hpp for what may stand here.
#include "crypto/p384/field_ifma.hpp"
#include "crypto/p384/kernel.hpp"

namespace extreq::crypto::p384 {
namespace {

using namespace ifma;

// Jacobian coordinates: x = X / Z^2, y = Y / Z^3. Each below 130 p.
struct Jacobian {
  Fe x;
  Fe y;
  Fe z;
};

struct Affine {
  Fe x;
  Fe y;
};

// Rows to columns: eight lanes' limbs to eight limbs' lanes, and back.
[[gnu::always_inline]] inline void transpose(Limbs (&m)[8]) {
  Limbs pairs[8];
  EXTREQ_UNROLL
  for (unsigned i = 0; i < 8; i += 2) {
    pairs[i] = _mm512_unpacklo_epi64(m[i], m[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi64(m[i], m[i + 1]);
  }
  Limbs quads[8];
  EXTREQ_UNROLL
  for (unsigned i = 0; i < 8; i += 4) {
    EXTREQ_UNROLL
    for (unsigned k = 0; k < 2; ++k) {
      quads[i + k] = _mm512_shuffle_i64x2(pairs[i + k], pairs[i + 2 + k], 0x88);
      quads[i + 2 + k] = _mm512_shuffle_i64x2(pairs[i + k], pairs[i + 2 + k], 0xDD);
    }
  }
  EXTREQ_UNROLL
  for (unsigned k = 0; k < 4; ++k) {
    m[k] = _mm512_shuffle_i64x2(quads[k], quads[4 + k], 0x88);
    m[k + 4] = _mm512_shuffle_i64x2(quads[k], quads[4 + k], 0xDD);
  }
}

[[gnu::always_inline]] inline Affine load(const PointRecord* const (&points)[lanes]) {
  Affine r;
  EXTREQ_UNROLL
  for (unsigned lane = 0; lane < lanes; ++lane) {
    r.x.v[lane] = _mm512_load_si512(points[lane]->x);
    r.y.v[lane] = _mm512_load_si512(points[lane]->y);
  }
  transpose(r.x.v);
  transpose(r.y.v);
  return r;
}

inline void store(const Affine& point, PointRecord* const (&points)[lanes]) {
  Affine rows = point;
  transpose(rows.x.v);
  transpose(rows.y.v);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    _mm512_store_si512(points[lane]->x, rows.x.v[lane]);
    _mm512_store_si512(points[lane]->y, rows.y.v[lane]);
  }
}

inline Jacobian jacobian(const Affine& point) { return {point.x, point.y, spread(montgomery_one)}; }

inline Jacobian blend(__mmask8 take_b, const Jacobian& a, const Jacobian& b) {
  return {ifma::blend(take_b, a.x, b.x), ifma::blend(take_b, a.y, b.y),
          ifma::blend(take_b, a.z, b.z)};
}

// 2 (X, Y, Z) for a = -3, with 3 multiplications and 5 squarings. Z = 0 stays 0.
[[gnu::noinline]] void twice(Jacobian& point) {
  const Fe delta = square(point.z);
  const Fe gamma = square(point.y);
  const Fe beta = multiply(point.x, gamma);
  const Fe m = multiply(subtract(point.x, delta), add(point.x, delta));
  Fe alpha;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    alpha.v[i] = _mm512_add_epi64(m.v[i], _mm512_slli_epi64(m.v[i], 1));
  }
  normalise(alpha);
  const Fe sum = add(point.y, point.z);
  const Fe x = subtract(square(alpha), beta, 3);
  Fe z = square(sum);
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) z.v[i] = _mm512_sub_epi64(z.v[i], gamma.v[i]);
  point.z = subtract(z, delta);
  Fe four_beta;
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) four_beta.v[i] = _mm512_slli_epi64(beta.v[i], 2);
  point.y = subtract(multiply(alpha, subtract_coordinate(four_beta, x)), square(gamma), 3);
  point.x = x;
}

// point +- (x2, y2) in the lanes of `take`, with 7 multiplications and 4 squarings; the others
// stay. In a lane where both have the same x the result's Z is 0, and then it stays 0.
[[gnu::noinline]] void add_affine(Jacobian& point, const Affine& other, __mmask8 negative,
                                  __mmask8 take) {
  const Fe zz = square(point.z);
  const Fe u2 = multiply(other.x, zz);
  Fe s2 = multiply(other.y, multiply(point.z, zz));
  const Fe h = subtract_coordinate(u2, point.x);
  const Fe hh = square(h);
  const Fe i4 = shift_left(hh, 2);
  const Fe j = multiply(h, i4);
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) {
    s2.v[i] = _mm512_mask_sub_epi64(s2.v[i], negative, _mm512_setzero_si512(), s2.v[i]);
  }
  const Fe half_slope = subtract_coordinate(s2, point.y);
  const Fe slope = shift_left(half_slope, 1);
  const Fe v = multiply(point.x, i4);
  Fe x = square(slope);
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) x.v[i] = _mm512_sub_epi64(x.v[i], j.v[i]);
  x = subtract(x, v, 1);
  Fe z = square(add(point.z, h));
  EXTREQ_UNROLL
  for (unsigned i = 0; i < field_limbs; ++i) z.v[i] = _mm512_sub_epi64(z.v[i], zz.v[i]);
  z = subtract(z, hh);
  const Fe y = subtract(multiply(slope, subtract_coordinate(v, x)), multiply(point.y, j), 1);
  point = blend(take, point, {x, y, z});
}

struct Digits {
  __mmask8 negative;
  __mmask8 not_zero;
  std::uint8_t entry[lanes];  // of a table that begins with 1
};

inline Digits decode(const std::int8_t (&digits)[lanes]) {
  Digits r{};
  for (unsigned lane = 0; lane < lanes; ++lane) {
    const int digit = digits[lane];
    const int magnitude = digit < 0 ? -digit : digit;
    r.negative = static_cast<__mmask8>(r.negative | (digit < 0 ? 1U << lane : 0U));
    r.not_zero = static_cast<__mmask8>(r.not_zero | (digit != 0 ? 1U << lane : 0U));
    r.entry[lane] = static_cast<std::uint8_t>(magnitude == 0 ? 0 : magnitude - 1);
  }
  return r;
}

inline void prefetch(const PointRecord* point) {
  const char* bytes = static_cast<const char*>(static_cast<const void*>(point));
  _mm_prefetch(bytes, _MM_HINT_T0);
  _mm_prefetch(bytes + 64, _MM_HINT_T0);
}

// The points of one digit: they are looked up and asked for one addition ahead of their use.
struct Lookup {
  Digits digits;
  const PointRecord* points[lanes];
};

inline Lookup look_up_key(const Group& group, std::size_t table, std::size_t column) {
  Lookup r;
  r.digits = decode(group.key_digits[table * group.columns + column]);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    r.points[lane] = group.key_tables[lane] + table * key_entries + r.digits.entry[lane];
    prefetch(r.points[lane]);
  }
  return r;
}

inline Lookup look_up_base(const Group& group, std::size_t digit) {
  Lookup r;
  r.digits = decode(group.base_digits[digit]);
  for (unsigned lane = 0; lane < lanes; ++lane) {
    r.points[lane] = group.base_table + digit * base_entries + r.digits.entry[lane];
    prefetch(r.points[lane]);
  }
  return r;
}

inline void add_looked_up(Jacobian& sum, const Lookup& lookup) {
  add_affine(sum, load(lookup.points), lookup.digits.negative, lookup.digits.not_zero);
}

// The same point in every lane.
inline Affine load_one(const PointRecord& point) {
  Affine r;
  for (unsigned i = 0; i < field_limbs; ++i) {
    r.x.v[i] = spread(point.x[i]);
    r.y.v[i] = spread(point.y[i]);
  }
  return r;
}

constexpr __mmask8 all = 0xFF;

Jacobian sum_of(const Group& group) {
  Jacobian sum = jacobian(load_one(*group.start));
  Lookup next = look_up_key(group, 0, group.columns - 1);
  for (std::size_t column = group.columns; column-- > 0;) {
    if (column + 1 != group.columns) {
      for (unsigned i = 0; i < key_window; ++i) twice(sum);
    }
    for (std::size_t table = 0; table < group.tables; ++table) {
      const Lookup now = next;
      if (table + 1 < group.tables) {
        next = look_up_key(group, table + 1, column);
      } else if (column > 0) {
        next = look_up_key(group, 0, column - 1);
      }
      add_looked_up(sum, now);
    }
  }
  next = look_up_base(group, 0);
  for (std::size_t digit = 0; digit < base_digits; ++digit) {
    const Lookup now = next;
    if (digit + 1 < base_digits) next = look_up_base(group, digit + 1);
    add_looked_up(sum, now);
  }
  add_affine(sum, load_one(*group.end), 0, all);
  return sum;
}

// X / Z^2 and Y / Z^3 from 1 / Z.
inline Affine affine(const Fe& x, const Fe& y, const Fe& inverse) {
  const Fe square_of_inverse = square(inverse);
  return {multiply(x, square_of_inverse), multiply(y, multiply(square_of_inverse, inverse))};
}

inline Fe load(const ScratchElement& element) {
  Fe r;
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = _mm512_load_si512(element.limbs[i]);
  return r;
}

inline void store(const Fe& value, ScratchElement& element) {
  for (unsigned i = 0; i < field_limbs; ++i) _mm512_store_si512(element.limbs[i], value.v[i]);
}

// What one multiple needs until the common inversion is known.
struct Entry {
  ScratchElement* at;
  [[nodiscard]] ScratchElement& x() const { return at[0]; }
  [[nodiscard]] ScratchElement& y() const { return at[1]; }
  [[nodiscard]] ScratchElement& z() const { return at[2]; }
  [[nodiscard]] ScratchElement& product() const { return at[3]; }  // of this Z and all before
};

}  // namespace

bool ifma_available() noexcept {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
}

Answer ifma_check(const Group& group) noexcept {
  const Jacobian sum = sum_of(group);
  Fe r;
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = _mm512_load_si512(group.r[i]);
  // r Z^2 in Montgomery form: r R (that is r R^2 / R) times Z^2.
  const Fe wanted = multiply(multiply(r, spread(montgomery_square)), square(sum.z));
  return {is_zero(subtract_coordinate(wanted, sum.x)), is_zero(sum.z)};
}

void ifma_import(PointRecord (&points)[lanes]) noexcept {
  const PointRecord* in[lanes];
  PointRecord* out[lanes];
  for (unsigned lane = 0; lane < lanes; ++lane) in[lane] = out[lane] = &points[lane];
  Affine point = load(in);
  point.x = multiply(point.x, spread(montgomery_square));
  point.y = multiply(point.y, spread(montgomery_square));
  store(point, out);
}

void ifma_multiples(const PointRecord* bases, PointRecord* const* out, std::size_t groups,
                    std::size_t entries, ScratchElement* scratch) noexcept {
  const auto entry = [&](std::size_t group, std::size_t k) {
    return Entry{scratch + (group * entries + k) * 4};
  };
  Fe product = spread(montgomery_one);
  for (std::size_t group = 0; group < groups; ++group) {
    const PointRecord* points[lanes];
    for (unsigned lane = 0; lane < lanes; ++lane) points[lane] = bases + group * lanes + lane;
    const Affine base = load(points);
    Jacobian multiple = jacobian(base);
    for (std::size_t k = 1; k < entries; ++k) {
      if (k == 1) {
        twice(multiple);
      } else {
        add_affine(multiple, base, 0, all);
      }
      product = multiply(product, multiple.z);
      const Entry here = entry(group, k);
      store(multiple.x, here.x());
      store(multiple.y, here.y());
      store(multiple.z, here.z());
      store(product, here.product());
    }
    for (unsigned lane = 0; lane < lanes; ++lane) out[group * lanes + lane][0] = *points[lane];
  }
  // 1 / (product of all Z), then of all but the last, and so on.
  Fe inverse = invert(product);
  for (std::size_t group = groups; group-- > 0;) {
    for (std::size_t k = entries; k-- > 1;) {
      const Entry here = entry(group, k);
      const bool first = group == 0 && k == 1;
      Fe inverse_of_z = inverse;
      if (!first) {
        const Entry before = k > 1 ? entry(group, k - 1) : entry(group - 1, entries - 1);
        inverse_of_z = multiply(inverse, load(before.product()));
      }
      inverse = multiply(inverse, load(here.z()));
      PointRecord* targets[lanes];
      for (unsigned lane = 0; lane < lanes; ++lane) targets[lane] = out[group * lanes + lane] + k;
      store(affine(load(here.x()), load(here.y()), inverse_of_z), targets);
    }
  }
}

void ifma_spread(const PointRecord& base, std::size_t doublings,
                 PointRecord (&out)[lanes]) noexcept {
  Jacobian point = jacobian(load_one(base));
  for (unsigned lane = 1; lane < lanes; ++lane) {
    Jacobian further = point;
    for (std::size_t i = 0; i < doublings; ++i) twice(further);
    point = blend(static_cast<__mmask8>(0xFFU << lane), point, further);
  }
  PointRecord* targets[lanes];
  for (unsigned lane = 0; lane < lanes; ++lane) targets[lane] = &out[lane];
  store(affine(point.x, point.y, invert(point.z)), targets);
}

}  // namespace extreq::crypto::p384
