// Compiled for AVX-512: see kernel.hpp for what may stand here.
#include "crypto/p384/sha384_lanes.hpp"

#include <immintrin.h>

namespace extreq::crypto::p384 {
namespace {

using Words = __m512i;  // one word of each lane's message

constexpr std::size_t block_size = 128;
constexpr std::size_t length_size = 16;  // the message's length in bits ends the last block
constexpr std::size_t word_size = 8;
constexpr unsigned block_words = 16;
constexpr unsigned rounds = 80;
constexpr unsigned state_words = 8;
constexpr unsigned digest_words = 6;

// FIPS 180-4 section 4.2.3.
constexpr std::uint64_t round_constants[rounds] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817};

// FIPS 180-4 section 5.3.4.
constexpr std::uint64_t initial_state[state_words] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};

Words add(Words a, Words b) { return _mm512_add_epi64(a, b); }

// FIPS 180-4 section 4.1.3; the numbers are truth tables of three inputs.
Words exclusive_or(Words a, Words b, Words c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
Words choose(Words x, Words y, Words z) { return _mm512_ternarylogic_epi64(x, y, z, 0xCA); }
Words majority(Words x, Words y, Words z) { return _mm512_ternarylogic_epi64(x, y, z, 0xE8); }
Words big_sigma_0(Words x) {
  return exclusive_or(_mm512_ror_epi64(x, 28), _mm512_ror_epi64(x, 34), _mm512_ror_epi64(x, 39));
}
Words big_sigma_1(Words x) {
  return exclusive_or(_mm512_ror_epi64(x, 14), _mm512_ror_epi64(x, 18), _mm512_ror_epi64(x, 41));
}
Words small_sigma_0(Words x) {
  return exclusive_or(_mm512_ror_epi64(x, 1), _mm512_ror_epi64(x, 8), _mm512_srli_epi64(x, 7));
}
Words small_sigma_1(Words x) {
  return exclusive_or(_mm512_ror_epi64(x, 19), _mm512_ror_epi64(x, 61), _mm512_srli_epi64(x, 6));
}

std::uint64_t load_big_endian(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  __builtin_memcpy(&word, bytes, sizeof(word));
  return __builtin_bswap64(word);
}

void store_big_endian(std::uint64_t word, std::uint8_t* bytes) {
  word = __builtin_bswap64(word);
  __builtin_memcpy(bytes, &word, sizeof(word));
}

// FIPS 180-4 section 6.4.2.
void compress(Words (&state)[state_words], const std::uint8_t* const (&blocks)[lanes]) {
  Words schedule[block_words];
  for (unsigned t = 0; t < block_words; ++t) {
    alignas(64) std::uint64_t row[lanes];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      row[lane] = load_big_endian(blocks[lane] + t * word_size);
    }
    schedule[t] = _mm512_load_si512(row);
  }
  Words a = state[0];
  Words b = state[1];
  Words c = state[2];
  Words d = state[3];
  Words e = state[4];
  Words f = state[5];
  Words g = state[6];
  Words h = state[7];
  for (unsigned first = 0; first < rounds; first += block_words) {
#pragma GCC unroll 16
    for (unsigned t = 0; t < block_words; ++t) {
      if (first != 0) {
        schedule[t] = add(
            add(schedule[t], small_sigma_0(schedule[(t + 1) % block_words])),
            add(schedule[(t + 9) % block_words], small_sigma_1(schedule[(t + 14) % block_words])));
      }
      const auto constant = static_cast<long long>(round_constants[first + t]);
      const Words t1 = add(add(add(h, big_sigma_1(e)), choose(e, f, g)),
                           add(_mm512_set1_epi64(constant), schedule[t]));
      const Words t2 = add(big_sigma_0(a), majority(a, b, c));
      h = g;
      g = f;
      f = e;
      e = add(d, t1);
      d = c;
      c = b;
      b = a;
      a = add(t1, t2);
    }
  }
  const Words sums[state_words] = {a, b, c, d, e, f, g, h};
  for (unsigned i = 0; i < state_words; ++i) state[i] = add(state[i], sums[i]);
}

}  // namespace

void ifma_sha384(const std::uint8_t* const (&messages)[lanes], std::size_t size,
                 std::uint8_t* const (&digests)[lanes]) noexcept {
  Words state[state_words];
  for (unsigned i = 0; i < state_words; ++i) {
    state[i] = _mm512_set1_epi64(static_cast<long long>(initial_state[i]));
  }
  const std::uint8_t* blocks[lanes];
  const std::size_t whole = size / block_size * block_size;
  for (std::size_t at = 0; at < whole; at += block_size) {
    for (std::size_t lane = 0; lane < lanes; ++lane) blocks[lane] = messages[lane] + at;
    compress(state, blocks);
  }
  // Padding, FIPS 180-4 section 5.1.2: a 1, zeros, the length in bits. Sizes fit 61 bits.
  const std::size_t rest = size - whole;
  const std::size_t tail_size = rest + 1 + length_size <= block_size ? block_size : 2 * block_size;
  std::uint8_t tails[lanes][2 * block_size] = {};
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    if (rest != 0) __builtin_memcpy(tails[lane], messages[lane] + whole, rest);
    tails[lane][rest] = 0x80;
    store_big_endian(std::uint64_t{size} * 8, tails[lane] + tail_size - word_size);
  }
  for (std::size_t at = 0; at < tail_size; at += block_size) {
    for (std::size_t lane = 0; lane < lanes; ++lane) blocks[lane] = tails[lane] + at;
    compress(state, blocks);
  }
  for (unsigned i = 0; i < digest_words; ++i) {
    alignas(64) std::uint64_t row[lanes];
    _mm512_store_si512(row, state[i]);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      store_big_endian(row[lane], digests[lane] + i * word_size);
    }
  }
}

}  // namespace extreq::crypto::p384
