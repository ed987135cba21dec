#include "crypto/ecdsa_p384.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>

#include "crypto/openssl.hpp"
#include "crypto/test_bytes.hpp"

namespace extreq::crypto {
namespace {

using Integer = std::array<std::uint8_t, p384_size>;

constexpr const char* prime =
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
    "ffffffff0000000000000000ffffffff";
constexpr const char* order =
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf"
    "581a0db248b0a77aecec196accc52973";

// RFC 6979 appendix A.2.6.
constexpr const char* example_key =
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8"
    "96d5724e4c70a825f872c9ea60d2edf5";
constexpr const char* example_x =
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64"
    "def8f0ea9055866064a254515480bc13";
constexpr const char* example_y =
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1"
    "288b231c3ae0d4fe7344fd2533264720";

// y for x = 0, so that x = p names the same point in a forbidden way.
constexpr const char* y_of_zero =
    "c306610fb0ae5a159cf45c06069f22a6c5eb3641c602d42dea2c4b4f75550793"
    "406d80d2b91ad54f9048bd487af1ade1";

Integer integer(const char* text) { return hex_array<p384_size>(text); }

Integer small(std::uint8_t value) {
  Integer result{};
  result.back() = value;
  return result;
}

// text + value, where the last byte does not overflow.
Integer plus(const char* text, int value) {
  Integer result = integer(text);
  result.back() = static_cast<std::uint8_t>(result.back() + value);
  return result;
}

Integer negated(const Integer& value) {  // order - value
  Integer result = integer(order);
  int borrow = 0;
  for (std::size_t i = p384_size; i-- > 0;) {
    int digit = result[i] - value[i] - borrow;
    borrow = digit < 0 ? 1 : 0;
    if (digit < 0) digit += 256;
    result[i] = static_cast<std::uint8_t>(digit);
  }
  return result;
}

EcdsaP384PrivateKey key_of(const Integer& scalar) {
  return EcdsaP384PrivateKey::from_scalar(scalar).value();
}

TEST(EcdsaP384PrivateKey, HasThePublicKeyOfTheRfcsExample) {
  const auto key = key_of(integer(example_key));
  EXPECT_EQ(to_hex(key.public_key().qx()), example_x);
  EXPECT_EQ(to_hex(key.public_key().qy()), example_y);
}

TEST(EcdsaP384PrivateKey, SignsAsTheRfcsExample) {
  const auto key = key_of(integer(example_key));
  const auto sample = key.sign_digest(sha384(to_bytes("sample")));
  EXPECT_EQ(to_hex(sample.r),
            "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c"
            "81a648152e44acf96e36dd1e80fabe46");
  EXPECT_EQ(to_hex(sample.s),
            "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94f"
            "a329c145786e679e7b82c71a38628ac8");
  const auto test = key.sign_digest(sha384(to_bytes("test")));
  EXPECT_EQ(to_hex(test.r),
            "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb"
            "0542a7f0812998da8f1dd3ca3cf023db");
  EXPECT_EQ(to_hex(test.s),
            "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e0"
            "6a739f040649a667bf3b828246baa5a5");
}

// Answered by a second implementation, in Python: a digest above the order is reduced.
TEST(EcdsaP384PrivateKey, SignsTheLargestDigest) {
  const auto key = key_of(integer(example_key));
  Sha384Digest digest;
  digest.fill(0xFF);
  const auto signature = key.sign_digest(digest);
  EXPECT_EQ(to_hex(signature.r),
            "d80ff7df60149e5cedb63fac36c3f0c16c47fbf93d40090804dbbaa45249ba8c"
            "11475f1b5844cdad9e2dd9528077dab8");
  EXPECT_EQ(to_hex(signature.s),
            "d3e3b8ed8c6bef24339475f39c4223a498647c34f90a5ef26f6f6739bd81a8f9"
            "b9acf711f6c2a887a18c64ca2bda854e");
  EXPECT_TRUE(key.public_key().verify_digest(digest, signature));
}

TEST(EcdsaP384PrivateKey, TakesScalarsFromOneToOrderMinusOneOnly) {
  EXPECT_TRUE(EcdsaP384PrivateKey::from_scalar(small(1)));
  EXPECT_TRUE(EcdsaP384PrivateKey::from_scalar(plus(order, -1)));
  Integer largest;
  largest.fill(0xFF);
  for (const auto& refused : {Integer{}, integer(order), plus(order, 1), largest}) {
    const auto key = EcdsaP384PrivateKey::from_scalar(refused);
    ASSERT_FALSE(key) << to_hex(refused);
    EXPECT_EQ(key.error().code, Code::invalid_input);
    EXPECT_EQ(key.error().message.find(to_hex(refused).substr(0, 8)), std::string::npos)
        << "a private key may not be in a message";
  }
}

TEST(EcdsaP384PrivateKey, TheLargestScalarIsTheNegativeOfOne) {
  const auto one = key_of(small(1));
  const auto minus_one = key_of(plus(order, -1));
  EXPECT_EQ(one.public_key().qx(), minus_one.public_key().qx());
  EXPECT_NE(one.public_key().qy(), minus_one.public_key().qy());
}

TEST(EcdsaP384PrivateKey, GeneratedKeysDifferAndWork) {
  const auto a = EcdsaP384PrivateKey::generate();
  const auto b = EcdsaP384PrivateKey::generate();
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(a->public_key() == b->public_key());
  const auto digest = sha384(to_bytes("message"));
  EXPECT_TRUE(a->public_key().verify_digest(digest, a->sign_digest(digest)));
  EXPECT_FALSE(b->public_key().verify_digest(digest, a->sign_digest(digest)));
}

// Answered by python3-cryptography.
TEST(EcdsaP384PrivateKey, DerivesTheSameKeyEverywhere) {
  Secret<48> material;
  for (std::size_t i = 0; i < 48; ++i) material.mutable_view()[i] = static_cast<std::uint8_t>(i);
  const auto key = EcdsaP384PrivateKey::derive(material.view(), to_bytes("extreq test"));
  EXPECT_EQ(to_hex(key.public_key().qx()),
            "61ae640fbaf0479170d7ce971ac5ed98668f954f7c62442c24b6d6e2377165e6"
            "1a61d8e208cca637d461287c8b8fc9b9");
  EXPECT_EQ(to_hex(key.public_key().qy()),
            "ea9a2db67f1f2c2bae08198e31ad0dcc6662b3dbd48fb317be678c2ab8a0d1e8"
            "b4764ebc692ba42b467d19185900cda3");
  const auto digest = sha384(to_bytes("message"));
  EXPECT_TRUE(key.public_key().verify_digest(digest, key.sign_digest(digest)));
}

TEST(EcdsaP384PrivateKey, DerivesAnotherKeyForEachInfoAndEachMaterial) {
  const Secret<48> material;
  const auto key = EcdsaP384PrivateKey::derive(material.view(), to_bytes("a"));
  EXPECT_FALSE(key.public_key() ==
               EcdsaP384PrivateKey::derive(material.view(), to_bytes("b")).public_key());
  Secret<48> other;
  other.mutable_view()[47] = 1;
  EXPECT_FALSE(key.public_key() ==
               EcdsaP384PrivateKey::derive(other.view(), to_bytes("a")).public_key());
}

TEST(EcdsaP384PrivateKey, MovesTakeTheKeyAlong) {
  auto key = key_of(integer(example_key));
  const auto digest = sha384(to_bytes("sample"));
  const auto before = key.sign_digest(digest);
  EcdsaP384PrivateKey moved = std::move(key);
  EXPECT_EQ(moved.sign_digest(digest), before);
  moved = key_of(small(7));
  EXPECT_NE(moved.sign_digest(digest), before);
  EXPECT_TRUE(moved.public_key().verify_digest(digest, moved.sign_digest(digest)));
}

TEST(EcdsaP384PublicKey, IsMadeFromTheCoordinatesOfAPoint) {
  const auto key = EcdsaP384PublicKey::from_coordinates(integer(example_x), integer(example_y));
  ASSERT_TRUE(key);
  EXPECT_TRUE(*key == key_of(integer(example_key)).public_key());
  EXPECT_TRUE(EcdsaP384PublicKey::from_coordinates(small(0), integer(y_of_zero)));
}

TEST(EcdsaP384PublicKey, RefusesWhatIsNotAPointOfTheCurve) {
  Integer largest;
  largest.fill(0xFF);
  const std::vector<std::pair<Integer, Integer>> refused = {
      {Integer{}, Integer{}},                    // how infinity is often written
      {integer(prime), integer(y_of_zero)},      // x = p: (0, y) in disguise
      {integer(example_x), integer(example_x)},  // off the curve
      {integer(example_y), integer(example_x)},  // swapped
      {integer(example_x), plus(example_y, 1)},  // one beside
      {integer(example_x), largest},             // y beyond p
      {largest, integer(example_y)},             // x beyond p
      {small(1), integer(y_of_zero)},            // no point has this pair
  };
  for (const auto& [x, y] : refused) {
    const auto key = EcdsaP384PublicKey::from_coordinates(x, y);
    ASSERT_FALSE(key) << to_hex(x);
    EXPECT_EQ(key.error().code, Code::invalid_input);
  }
  EXPECT_EQ(EcdsaP384PublicKey::from_coordinates(Integer{}, Integer{}).error().message,
            "(" + std::string(96, '0') + ", " + std::string(96, '0') +
                ") is not a point of the curve P-384");
}

TEST(EcdsaP384PublicKey, RefusesEveryFlippedBitOfDigestAndSignature) {
  const auto key = key_of(integer(example_key));
  auto digest = sha384(to_bytes("sample"));
  auto signature = key.sign_digest(digest);
  const auto flip_every_byte = [&](MutableByteView part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto mask = static_cast<std::uint8_t>(1U << i % 8);
      part[i] ^= mask;
      EXPECT_FALSE(key.public_key().verify_digest(digest, signature)) << i;
      part[i] ^= mask;
    }
  };
  flip_every_byte(digest);
  flip_every_byte(signature.r);
  flip_every_byte(signature.s);
  EXPECT_TRUE(key.public_key().verify_digest(digest, signature));
}

TEST(EcdsaP384PublicKey, RefusesSignaturesOutsideOneToOrderMinusOne) {
  const auto key = key_of(integer(example_key));
  const auto digest = sha384(to_bytes("sample"));
  const auto good = key.sign_digest(digest);
  Integer largest;
  largest.fill(0xFF);
  for (const auto& edge : {Integer{}, integer(order), plus(order, 1), integer(prime), largest}) {
    EXPECT_FALSE(key.public_key().verify_digest(digest, {edge, good.s}));
    EXPECT_FALSE(key.public_key().verify_digest(digest, {good.r, edge}));
    for (const auto& other : {Integer{}, integer(order), plus(order, 1), largest}) {
      EXPECT_FALSE(key.public_key().verify_digest(digest, {edge, other}));
      EXPECT_FALSE(key.public_key().verify_digest(Sha384Digest{}, {edge, other}));
    }
  }
}

// With the key 1, the digest r and the nonce 2, s is r: verifying adds the base point to itself.
// That sum is right in some releases of nettle and infinity in others (see the header); neither may
// end the process or make it accept a neighbour.
TEST(EcdsaP384PublicKey, SurvivesTheSumOfTwoEqualPoints) {
  const auto one = key_of(small(1));
  const Integer r = key_of(small(2)).public_key().qx();
  (void)one.public_key().verify_digest(r, {r, r});
  Integer beside = r;
  beside.back() ^= 1;
  EXPECT_FALSE(one.public_key().verify_digest(r, {beside, beside}));
  EXPECT_FALSE(one.public_key().verify_digest(beside, {r, r}));
  EXPECT_FALSE(key_of(small(2)).public_key().verify_digest(r, {r, r}));
}

// With the key 1, the digest n - r and s = r, verifying adds the base point to its negative.
TEST(EcdsaP384PublicKey, RefusesWhereTheSumIsInfinity) {
  for (std::uint8_t any = 1; any <= 3; ++any) {
    const Integer r = key_of(small(any)).public_key().qx();
    EXPECT_FALSE(key_of(small(1)).public_key().verify_digest(negated(r), {r, r}));
  }
}

// With the key 1, the digest 0 (or n, the same) and the nonce 1, s is r: the base point's share is
// infinity.
TEST(EcdsaP384PublicKey, VerifiesADigestOfZero) {
  const auto one = key_of(small(1));
  const Integer r = one.public_key().qx();
  EXPECT_TRUE(one.public_key().verify_digest(Sha384Digest{}, {r, r}));
  EXPECT_TRUE(one.public_key().verify_digest(integer(order), {r, r}));
  EXPECT_FALSE(one.public_key().verify_digest(small(1), {r, r}));
  const auto key = key_of(integer(example_key));
  EXPECT_TRUE(key.public_key().verify_digest(Sha384Digest{}, key.sign_digest(Sha384Digest{})));
}

// The same key and signatures in OpenSSL's terms.
class OpensslP384 {
 public:
  OpensslP384(const EcdsaP384PublicKey& public_key, const char* private_hex) {
    Bytes point{4};
    point.insert(point.end(), public_key.qx().begin(), public_key.qx().end());
    point.insert(point.end(), public_key.qy().begin(), public_key.qy().end());
    const std::unique_ptr<OSSL_PARAM_BLD, OwnedBy<&OSSL_PARAM_BLD_free>> builder(
        OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-384", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    const Integer scalar = integer(private_hex);
    const std::unique_ptr<BIGNUM, OwnedBy<&BN_free>> number(
        BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), nullptr));
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get());
    const std::unique_ptr<OSSL_PARAM, OwnedBy<&OSSL_PARAM_free>> params(
        OSSL_PARAM_BLD_to_param(builder.get()));
    const UniquePkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* key = nullptr;
    EXPECT_EQ(EVP_PKEY_fromdata_init(context.get()), 1);
    EXPECT_EQ(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()), 1);
    key_.reset(key);
  }

  [[nodiscard]] EcdsaP384Signature sign(const Sha384Digest& digest) const {
    const UniquePkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    Bytes der(256);
    std::size_t size = der.size();
    EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
    EXPECT_EQ(EVP_PKEY_sign(context.get(), der.data(), &size, digest.data(), digest.size()), 1);
    const std::uint8_t* at = der.data();
    const UniqueSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
    EcdsaP384Signature result;
    BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), result.r.data(), p384_size);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), result.s.data(), p384_size);
    return result;
  }

  [[nodiscard]] bool verify(const Sha384Digest& digest, const EcdsaP384Signature& signature) const {
    const UniqueSignature parts(ECDSA_SIG_new());
    ECDSA_SIG_set0(parts.get(), BN_bin2bn(signature.r.data(), p384_size, nullptr),
                   BN_bin2bn(signature.s.data(), p384_size, nullptr));
    const Bytes der = encode(&i2d_ECDSA_SIG, static_cast<const ECDSA_SIG*>(parts.get()));
    const UniquePkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
    return EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_verify(context.get(), der.data(), der.size(), digest.data(), digest.size()) ==
               1;
  }

 private:
  using UniqueSignature = std::unique_ptr<ECDSA_SIG, OwnedBy<&ECDSA_SIG_free>>;
  UniquePkey key_;
};

TEST(EcdsaP384, VerifiesWhatOpensslSignsAndTheOtherWayRound) {
  const auto key = key_of(integer(example_key));
  const OpensslP384 openssl(key.public_key(), example_key);
  for (std::uint8_t i = 0; i < 20; ++i) {
    const std::array<std::uint8_t, 1> message = {i};
    const auto digest = sha384(message);
    EXPECT_TRUE(key.public_key().verify_digest(digest, openssl.sign(digest)));
    EXPECT_TRUE(openssl.verify(digest, key.sign_digest(digest)));
    EXPECT_FALSE(openssl.verify(sha384(digest), key.sign_digest(digest)));
  }
}

TEST(EcdsaP384, ManyThreadsUseOneKey) {
  const auto key = key_of(integer(example_key));
  const auto digest = sha384(to_bytes("sample"));
  const auto expected = key.sign_digest(digest);
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(key.sign_digest(digest), expected);
        ASSERT_TRUE(key.public_key().verify_digest(digest, expected));
      }
    });
  }
}

}  // namespace
}  // namespace extreq::crypto
