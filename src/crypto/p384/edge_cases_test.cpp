// Signatures at the edges of the arithmetic, by every way that a verification can go: nettle,
// OpenSSL and the batch kernel agree, and the verdict is the one of the construction. The kinds are
// those that public collections of hostile ECDSA vectors are made of; the values are our own.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "crypto/p384/scalar.hpp"
#include "crypto/p384/test_integer.hpp"
#include "crypto/p384/test_judges.hpp"

namespace extreq::crypto::p384 {
namespace {

Bytes48 from_text(const char* hexadecimal) {
  Bytes48 bytes{};
  const Bytes given = from_hex(hexadecimal).value();
  EXPECT_EQ(given.size(), bytes.size());
  std::ranges::copy(given, bytes.begin());
  return bytes;
}

struct Case {
  std::string name;
  EcdsaP384PublicKey key;
  Sha384Digest digest;
  EcdsaP384Signature signature;
  bool valid;
};

// The same with one of its parts changed: no longer valid.
std::vector<Case> with_neighbours(std::vector<Case> cases) {
  const std::size_t count = cases.size();
  for (std::size_t i = 0; i < count; ++i) {
    Case one = cases[i];
    one.valid = false;
    one.name += ", digest changed";
    one.digest[47] ^= 1U;
    cases.push_back(one);
    one = cases[i];
    one.valid = false;
    one.name += ", r and s exchanged";
    std::swap(one.signature.r, one.signature.s);
    if (one.signature != cases[i].signature) cases.push_back(one);
  }
  return cases;
}

BatchVerifier::Options options(Kernel kernel, std::size_t known_keys) {
  BatchVerifier::Options result;
  result.kernel = kernel;
  result.known_keys = known_keys;
  result.known_after = 1;
  return result;
}

void expect_verdicts(const std::vector<Case>& cases) {
  std::vector<SignatureQuestion> questions;
  for (const Case& one : cases) questions.push_back({&one.key, one.digest, one.signature});
  const auto library = BatchVerifier(options(Kernel::library, 0)).verify(questions);
  const auto fresh = BatchVerifier(options(best_kernel(), 0)).verify(questions);
  const auto known = BatchVerifier(options(best_kernel(), 1024)).verify(questions);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Case& one = cases[i];
    EXPECT_EQ(nettle_says(questions[i]), one.valid) << one.name << ": nettle";
    EXPECT_EQ(openssl_says(questions[i]), one.valid) << one.name << ": OpenSSL";
    EXPECT_EQ(library[i], one.valid) << one.name << ": batch, by the library";
    EXPECT_EQ(fresh[i], one.valid) << one.name << ": batch, a key seen first";
    EXPECT_EQ(known[i], one.valid) << one.name << ": batch, a key with a table";
  }
}

// Over SHA-384("sample"). The points u1 G + u2 Q of these have an x that no chance meets, so that
// the keys come from the point and nobody knows their private halves. An x of n or more is r + n: a
// verifier that compares it with r alone refuses what is valid.
struct Transcribed {
  const char* name;
  const char* qx;
  const char* qy;
  const char* r;
  const char* s;
};
constexpr std::array points_at_edges{
    Transcribed{"the smallest x",
                "4643a5424d9e7bb2f112b0af22703c15c311f8ee1f26ec30c536fa88c4b08cbd6a166adfc927150d87"
                "fde13753eddb3b",
                "e7d2117a1ea9a9740ae84fe50ac4141dfd6364bbdf87e660e4f5ce20fa8be1321f3330fa33d8703dcb"
                "4938770036615b",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000002",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000005"},
    Transcribed{"the largest x below n",
                "0cf69089a4f6b16015131d2f3daccbaf529a54036534051ed6013d7ceaab94eddd65ae34c679e6b2ba"
                "d3339a5e8d0fe8",
                "61d71346c9714109d4adcd275baa27cfcf4b08a610755640561290c407ad43eeb4100d4deab862b987"
                "b0bbd0d4e9ea40",
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aec"
                "ec196accc52972",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000007"},
    Transcribed{"the smallest x above n",
                "e8e8f47f450149c83a6462bd0e0e92f63be16d1f68646d098f20e3d7835ae52441f5545ce3e95554ff"
                "81e78ec0e49831",
                "5cb4aa12036da8a42c350b2fd143b248d38f836ca75bb6431e61bbd93dfde04fe2f08e6f5fc7502d68"
                "088ab4bd5225a8",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000002",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "0000000000000b"},
    Transcribed{"x above n, and s of one",
                "1f9025cdf3cc174020c9c8c88abc988110c4f6887da4974787725178d42d9a362026ab1824792bc01b"
                "a6dbbc2b81b8db",
                "5e746446213413cc981442830e168d2bb2a428a208df71d895cac6d8bbf105c5be67935aaad242b322"
                "3d207bd08b0871",
                "0000000000000000000000000000000000000000000000000000000000000000000000100000000000"
                "00000000000000",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000001"},
    Transcribed{"the largest x below p",
                "91852ab10b29710f5446c4774a3e70a90fe74e311082aabd6cee4615edae6174a8887a03ec367b9b5c"
                "582e30b42c5236",
                "08e064925cb5fd207e8df4680d3c6925c158359c0f8bdc1ba66b5b4617d083323e61df419394fe3452"
                "fa3a45fed78caf",
                "000000000000000000000000000000000000000000000000389cb27e0bc8d21fa7e5f24cb74f588513"
                "13e696333ad68b",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "0000000000000d"},
    Transcribed{"the largest x below p, and the largest s",
                "3ed91fe93b5e50290cdb868e9e7a812e475b6f5d983664b1a64b65ef6835b56b488d8f9762b68c0edf"
                "a4a957d8dd8763",
                "947ebd5ff4ece37009a0d6b7bb347ec454b125efcf681ff3a49e66c36a98ddaebc0112536a55e3e77d"
                "8c4be6b4dd7b79",
                "000000000000000000000000000000000000000000000000389cb27e0bc8d21fa7e5f24cb74f588513"
                "13e696333ad68b",
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aec"
                "ec196accc52972"},
    Transcribed{"a small x, to which n could be added",
                "245d04ee66cb431249c2dcbdd70e831300ec6aa5036de584c3e77df9ef9722f1ef8d5cb8f5aae4ae8a"
                "bc996c53d98418",
                "aa044783bed93027d98941338286f373b55b9daf1aa4ce8a42fc55ce35c8fdd8e550f717c0c3f1eb93"
                "656a9c357551dd",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000100"
                "00000000000001",
                "0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                "00000000000011"},
};

TEST(EcdsaP384Edges, ThePointsXMayBeAnyOfTheField) {
  std::vector<Case> cases;
  for (const Transcribed& one : points_at_edges) {
    cases.push_back(
        {one.name,
         EcdsaP384PublicKey::from_coordinates(from_text(one.qx), from_text(one.qy)).value(),
         sha384(to_bytes("sample")),
         {from_text(one.r), from_text(one.s)},
         true});
  }
  expect_verdicts(with_neighbours(std::move(cases)));
}

// r + n stands for the same point, but is no r.
TEST(EcdsaP384Edges, AnRAboveTheOrderIsRefusedEvenIfItIsThePointsX) {
  std::vector<Case> cases;
  for (const Transcribed& one : points_at_edges) {
    const Integer above = Integer(one.r) + group_order();
    if (!(above < field_prime())) continue;
    cases.push_back(
        {one.name,
         EcdsaP384PublicKey::from_coordinates(from_text(one.qx), from_text(one.qy)).value(),
         sha384(to_bytes("sample")),
         {bytes48_of(above), from_text(one.s)},
         false});
  }
  EXPECT_GE(cases.size(), 4U);
  expect_verdicts(cases);
}

// s + n has the inverse of s, but is no s. So small an s takes a digest that is made for it.
TEST(EcdsaP384Edges, AnSAboveTheOrderIsRefusedEvenIfItFitsModuloTheOrder) {
  const Integer& n = group_order();
  const Integer d("1032547698badcfe0123456789abcdef");
  const Integer k("123456789abcdef0fedcba987654321000112233445566778899aabbccddeeff");
  const auto key = EcdsaP384PrivateKey::from_scalar(bytes48_of(d)).value().public_key();
  const Integer r =
      integer_of(EcdsaP384PrivateKey::from_scalar(bytes48_of(k)).value().public_key().qx()) % n;
  const Integer most = (Integer(1UL) << 384) - Integer(1UL);
  std::vector<Case> cases;
  for (const Integer& s : {Integer(1UL), Integer(2UL), Integer("100000000000001"), most - n}) {
    const Bytes48 digest = bytes48_of(((s * k) % n + n - (r * d) % n) % n);
    cases.push_back(
        {"s " + to_hex(bytes48_of(s)), key, digest, {bytes48_of(r), bytes48_of(s)}, true});
    cases.push_back({"s + n for " + to_hex(bytes48_of(s)),
                     key,
                     digest,
                     {bytes48_of(r), bytes48_of(s + n)},
                     false});
  }
  expect_verdicts(cases);
}

// The signature whose verification computes u1 G + u2 Q = k G: Q is (k - u1) / u2 times G.
std::optional<Case> made_of(const Integer& u1, const Integer& u2, const Integer& k) {
  const Integer& n = group_order();
  const Integer d = ((k + n - u1) * inverse(u2, n)) % n;
  if (d == Integer()) return std::nullopt;
  const Integer r =
      integer_of(EcdsaP384PrivateKey::from_scalar(bytes48_of(k)).value().public_key().qx()) % n;
  const Integer s = (r * inverse(u2, n)) % n;
  std::string name = "u1 " + to_hex(bytes48_of(u1)) + ", u2 " + to_hex(bytes48_of(u2));
  return Case{std::move(name),
              EcdsaP384PrivateKey::from_scalar(bytes48_of(d)).value().public_key(),
              bytes48_of((u1 * s) % n),
              {bytes48_of(r), bytes48_of(s)},
              true};
}

TEST(EcdsaP384Edges, TheFactorsMayBeAnyScalars) {
  const Integer& n = group_order();
  const Integer one(1UL);
  const std::vector<Integer> factors = {one,
                                        Integer(2UL),
                                        n - one,
                                        n - Integer(2UL),
                                        Integer(1UL) << 192,
                                        (one << 192) - one,
                                        (one << 383),
                                        (one << 383) - one,
                                        inverse(Integer(2UL), n),
                                        inverse(Integer(3UL), n)};
  std::vector<Case> cases;
  const Integer k("123456789abcdef0fedcba987654321000112233445566778899aabbccddeeff");
  for (const Integer& u2 : factors) {
    for (const Integer& u1 : factors) {
      if (auto made = made_of(u1, u2, k)) cases.push_back(*std::move(made));
    }
    cases.push_back(*made_of(Integer(), u2, k));  // of a digest of zero
  }
  expect_verdicts(cases);
  for (Case& changed : cases) {
    changed.digest[47] ^= 1U;
    changed.valid = false;
  }
  expect_verdicts(cases);
}

TEST(EcdsaP384Edges, ADigestCountsModuloTheOrder) {
  const Integer& n = group_order();
  std::vector<Case> cases;
  const auto key = EcdsaP384PrivateKey::from_scalar(bytes48_of(Integer(77UL))).value();
  const auto add = [&](const Integer& digest, const Integer& signed_as, bool valid) {
    cases.push_back({"digest " + to_hex(bytes48_of(digest)), key.public_key(), bytes48_of(digest),
                     key.sign_digest(bytes48_of(signed_as)), valid});
  };
  const Integer largest = (Integer(1UL) << 384) - Integer(1UL);
  add(n, Integer(), true);
  add(Integer(), n, true);
  add(n + Integer(5UL), Integer(5UL), true);
  add(largest, largest % n, true);
  add(largest, largest, true);
  add(n - Integer(1UL), n - Integer(1UL), true);
  add(n - Integer(1UL), Integer(), false);
  add(n + Integer(1UL), Integer(), false);
  expect_verdicts(cases);
}

TEST(EcdsaP384Edges, KeysThatAreSmallMultiplesOfTheBasePointAreKeys) {
  const Integer& n = group_order();
  std::vector<Case> cases;
  const Sha384Digest digest = sha384(to_bytes("sample"));
  for (unsigned long i = 1; i < 6; ++i) {
    for (const Integer& d : {Integer(i), n - Integer(i)}) {
      const auto key = EcdsaP384PrivateKey::from_scalar(bytes48_of(d)).value();
      const auto signature = key.sign_digest(digest);
      cases.push_back({to_hex(bytes48_of(d)), key.public_key(), digest, signature, true});
      const Integer other = n - integer_of(signature.s);
      cases.push_back(
          {"the other s", key.public_key(), digest, {signature.r, bytes48_of(other)}, true});
    }
  }
  expect_verdicts(with_neighbours(std::move(cases)));
}

// Base points of brainpoolP384r1 (RFC 5639), of P-256 in front of zeros and behind them (SP
// 800-186), and of P-384 with one coordinate negated, doubled or written plus p.
TEST(EcdsaP384Edges, PointsOfOtherCurvesAreNoKeys) {
  const char* const gx =
      "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e387276"
      "0ab7";
  const char* const gy =
      "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea"
      "0e5f";
  ASSERT_TRUE(EcdsaP384PublicKey::from_coordinates(from_text(gx), from_text(gy)));
  const std::string p256x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
  const std::string p256y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
  const std::string zeros(32, '0');
  const std::vector<std::pair<Bytes48, Bytes48>> points = {
      {from_text("1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aae"
                 "f87b2e2"
                 "47d4af1e"),
       from_text("8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e464621779181114"
                 "2820341"
                 "263c5315")},
      {from_text((zeros + p256x).c_str()), from_text((zeros + p256y).c_str())},
      {from_text((p256x + zeros).c_str()), from_text((p256y + zeros).c_str())},
      {bytes48_of(field_prime() - Integer(gx)), from_text(gy)},
      {bytes48_of((Integer(gx) * Integer(2UL)) % field_prime()), from_text(gy)},
      {from_text(gx), bytes48_of((Integer(gy) * Integer(2UL)) % field_prime())},
      {bytes48_of(Integer()), bytes48_of(Integer(1UL))},
      {bytes48_of(field_prime()), bytes48_of(field_prime())},
  };
  for (const auto& [x, y] : points) {
    EXPECT_FALSE(EcdsaP384PublicKey::from_coordinates(x, y)) << to_hex(x);
  }
}

}  // namespace
}  // namespace extreq::crypto::p384
