#include "crypto/aes_gcm.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "crypto/test_bytes.hpp"

namespace extreq::crypto {
namespace {

using Key = std::array<std::uint8_t, aes_gcm_key_size>;
using Iv = std::array<std::uint8_t, aes_gcm_iv_size>;
using Tag = std::array<std::uint8_t, aes_gcm_tag_size>;

struct KnownAnswer {
  const char* key;
  const char* iv;
  const char* aad;
  const char* plaintext;
  const char* ciphertext;
  const char* tag;
};

// Test cases 13 to 16 of the GCM specification by McGrew and Viega, and one with nothing but
// authenticated bytes; all cross-checked with python3-cryptography.
constexpr const char* zero_key = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr const char* spec_key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr std::array<KnownAnswer, 5> known_answers = {{
    {zero_key, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {zero_key, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
    {spec_key, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {spec_key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {spec_key, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", "", "",
     "9f6be07603c0b0bd1272854063e9c9ba"},
}};

TEST(AesGcm, SealsAndOpensAsTheSpecificationsExamples) {
  for (const auto& known : known_answers) {
    const auto key = hex_array<aes_gcm_key_size>(known.key);
    const auto iv = hex_array<aes_gcm_iv_size>(known.iv);
    const Bytes plaintext = hex(known.plaintext);
    Bytes ciphertext(plaintext.size());
    Tag tag{};
    ASSERT_TRUE(aes_gcm_seal(key, iv, hex(known.aad), plaintext, ciphertext, tag));
    EXPECT_EQ(to_hex(ciphertext), known.ciphertext);
    EXPECT_EQ(to_hex(tag), known.tag);
    Bytes opened(ciphertext.size());
    ASSERT_TRUE(aes_gcm_open(key, iv, hex(known.aad), ciphertext, opened, tag));
    EXPECT_EQ(opened, plaintext);
  }
}

TEST(AesGcm, WorksInPlace) {
  const auto& known = known_answers[3];
  const auto key = hex_array<aes_gcm_key_size>(known.key);
  const auto iv = hex_array<aes_gcm_iv_size>(known.iv);
  Bytes memory = hex(known.plaintext);
  Tag tag{};
  ASSERT_TRUE(aes_gcm_seal(key, iv, hex(known.aad), memory, memory, tag));
  EXPECT_EQ(to_hex(memory), known.ciphertext);
  ASSERT_TRUE(aes_gcm_open(key, iv, hex(known.aad), memory, memory, tag));
  EXPECT_EQ(to_hex(memory), known.plaintext);
}

struct Sealed {
  Key key{1, 2, 3};
  Iv iv{4, 5, 6};
  Bytes aad = to_bytes("a header of 48 bytes is what a guest message has");
  Bytes ciphertext = Bytes(96);
  Tag tag{};

  Sealed() {
    const Bytes plaintext(ciphertext.size(), 0x5A);
    EXPECT_TRUE(aes_gcm_seal(key, iv, aad, plaintext, ciphertext, tag));
  }
};

void expect_refused(const Sealed& sealed) {
  Bytes out(sealed.ciphertext.size(), 0xEE);
  const auto status =
      aes_gcm_open(sealed.key, sealed.iv, sealed.aad, sealed.ciphertext, out, sealed.tag);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::not_genuine);
  EXPECT_TRUE(all_zero(out)) << "unauthenticated plaintext was left";
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error was left in OpenSSL's queue";
}

void flip_every_bit(Sealed& sealed, MutableByteView part) {
  for (std::size_t bit = 0; bit < 8 * part.size(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(1U << bit % 8);
    part[bit / 8] ^= mask;
    expect_refused(sealed);
    part[bit / 8] ^= mask;
  }
}

TEST(AesGcm, RefusesEveryFlippedBitAndWipesWhatItDecrypted) {
  Sealed sealed;
  flip_every_bit(sealed, sealed.key);
  flip_every_bit(sealed, sealed.iv);
  flip_every_bit(sealed, sealed.aad);
  flip_every_bit(sealed, sealed.ciphertext);
  flip_every_bit(sealed, sealed.tag);
}

TEST(AesGcm, RefusesShorterAndLongerMessages) {
  Sealed sealed;
  sealed.ciphertext.pop_back();
  expect_refused(sealed);
  sealed.ciphertext.clear();
  expect_refused(sealed);
  Sealed longer;
  longer.ciphertext.push_back(0);
  expect_refused(longer);
  Sealed moved;
  moved.aad.push_back(moved.ciphertext.front());
  moved.ciphertext.erase(moved.ciphertext.begin());
  expect_refused(moved);
}

TEST(AesGcm, RefusesDifferentSizesAndLeavesZeros) {
  const Key key{};
  const Iv iv{};
  Bytes out(15, 0xEE);
  Tag tag;
  tag.fill(0xEE);
  const auto sealed = aes_gcm_seal(key, iv, {}, Bytes(16), out, tag);
  ASSERT_FALSE(sealed);
  EXPECT_EQ(sealed.error().code, Code::invalid_input);
  EXPECT_EQ(sealed.error().message, "AES-GCM: 16 bytes go in, there is room for 15");
  EXPECT_TRUE(all_zero(out));
  EXPECT_TRUE(all_zero(tag));
  out.assign(15, 0xEE);
  const auto opened = aes_gcm_open(key, iv, {}, Bytes(16), out, tag);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::invalid_input);
  EXPECT_TRUE(all_zero(out));
}

TEST(AesGcm, ManyThreadsSealAndOpenAtOnce) {
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (std::uint8_t n = 0; n < 4; ++n) {
    threads.emplace_back([n] {
      const Key key{n};
      const Bytes plaintext(100, n);
      for (std::uint8_t i = 0; i < 100; ++i) {
        const Iv iv{i};
        Bytes memory = plaintext;
        Tag tag{};
        ASSERT_TRUE(aes_gcm_seal(key, iv, {}, memory, memory, tag));
        ASSERT_TRUE(aes_gcm_open(key, iv, {}, memory, memory, tag));
        ASSERT_EQ(memory, plaintext);
      }
    });
  }
}

}  // namespace
}  // namespace extreq::crypto
