#include "crypto/hash.hpp"

#include <string>

#include <gtest/gtest.h>

#include "crypto/test_bytes.hpp"
#include "crypto/wiped.hpp"

namespace extreq::crypto {
namespace {

// FIPS 180 examples.
TEST(Sha384, AnswersAsTheStandardsExamples) {
  EXPECT_EQ(to_hex(sha384({})),
            "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
            "274edebfe76f65fbd51ad2f14898b95b");
  EXPECT_EQ(to_hex(sha384(to_bytes("abc"))),
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7");
  EXPECT_EQ(to_hex(sha384(to_bytes("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                                   "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"))),
            "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
            "fcc7c71a557e2db966c3e9fa91746039");
  EXPECT_EQ(to_hex(sha384(Bytes(1'000'000, 'a'))),
            "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
            "07b8b3dc38ecc4ebae97ddd87f3d8985");
}

TEST(Sha256, AnswersAsTheStandardsExamples) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(to_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// RFC 4231 test cases 1, 2 and 6.
TEST(HmacSha384, AnswersAsRfc4231) {
  EXPECT_EQ(to_hex(hmac_sha384(Bytes(20, 0x0b), to_bytes("Hi There"))),
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
            "faea9ea9076ede7f4af152e8b2fa9cb6");
  EXPECT_EQ(to_hex(hmac_sha384(to_bytes("Jefe"), to_bytes("what do ya want for nothing?"))),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
            "8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(to_hex(hmac_sha384(Bytes(131, 0xaa),
                               to_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
            "0c2ef6ab4030fe8296248df163f44952");
}

TEST(HmacSha384, TakesNoKeyAndNoData) {
  EXPECT_EQ(to_hex(hmac_sha384({}, {})),
            "6c1f2ee938fad2e24bd91298474382ca218c75db3d83e114b3d4367776d14d35"
            "51289e75e8209cd4b792302840234adc");
}

// RFC 5869 has no vectors with SHA-384: its inputs, answered by python3-cryptography.
TEST(HkdfSha384, AnswersAsAnotherImplementation) {
  Bytes out(42);
  hkdf_sha384(Bytes(22, 0x0b), hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"), out);
  EXPECT_EQ(to_hex(out),
            "9b5097a86038b805309076a44b3a9f38063e25b516dcbf369f394cfab43685f7"
            "48b6457763e4f0204fc5");
}

TEST(HkdfSha384, TakesNoSaltAndNoInfoAndEndsInsideABlock) {
  Bytes out(120);
  hkdf_sha384(Bytes(22, 0x0b), {}, {}, out);
  EXPECT_EQ(to_hex(out),
            "c8c96e710f89b0d7990bca68bcdec8cf854062e54c73a7abc743fade9b242daacc1cea5670415b52849c97"
            "c4e787c1f2130fdaaed2efee2fd43ab373b705464ffbc36e70ca2a61a5ebf44d1bf8217df59cbe9dcf94a5"
            "a4546503e7f9c02e97b0fac5cb8fc3f34a33fc2f38892c91cc6f999c4cd547836121");
}

TEST(HkdfSha384, FillsTheLongestOutputOfRfc5869) {
  Bytes key(80);
  Bytes info(80);
  Bytes salt(80);
  for (std::size_t i = 0; i < 80; ++i) {
    key[i] = static_cast<std::uint8_t>(i);
    salt[i] = static_cast<std::uint8_t>(0x60 + i);
    info[i] = static_cast<std::uint8_t>(0xb0 + i);
  }
  Bytes out(std::size_t{255} * 48);
  hkdf_sha384(key, salt, info, out);
  EXPECT_EQ(to_hex(sha384(out)),
            "2ac9da84f441331154a9c1f6f69861c5e2c9b77b9dad231bd0d30d9c9df3d4cc"
            "32e02522aa04f908acf5668d6e6a41b8");
}

TEST(HkdfSha384, AnOutputOfNothingTouchesNothing) {
  Bytes out(1, 0x5A);
  hkdf_sha384(to_bytes("key"), {}, {}, MutableByteView(out).first(0));
  EXPECT_EQ(out, Bytes(1, 0x5A));
}

TEST(Wiped, LeavesNothingInItsStorage) {
  using Variable = Wiped<std::array<std::uint8_t, 64>>;
  alignas(Variable) std::array<std::uint8_t, sizeof(Variable)> storage;
  storage.fill(0xFF);
  auto* const variable = new (storage.data()) Variable;  // NOLINT(cppcoreguidelines-owning-memory)
  variable->value.fill(0x5A);
  EXPECT_FALSE(all_zero(storage));
  variable->~Variable();
  EXPECT_TRUE(all_zero(storage));
}

}  // namespace
}  // namespace extreq::crypto
