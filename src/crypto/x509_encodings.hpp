// The fixed encodings in AMD's certificates. Internal to src/crypto/.
#pragma once

#include "base/bytes.hpp"

namespace extreq::crypto {

// AlgorithmIdentifier of RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes
// (RFC 4055 section 3.1). DER leaves the default trailerField 1 out; AMD writes it, but
// not in Turin's leaves.
inline constexpr std::array<std::uint8_t, 67> rsassa_pss_sha384 = {
    0x30, 0x41,                                                        // SEQUENCE
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a,  //  id-RSASSA-PSS
    0x30, 0x34,                                                        //  SEQUENCE
    0xa0, 0x0f, 0x30, 0x0d,                                            //   [0] hashAlgorithm
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,  //    id-sha384
    0x05, 0x00,                                                        //    NULL
    0xa1, 0x1c, 0x30, 0x1a,                                            //   [1] maskGenAlgorithm
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,  //    id-mgf1
    0x30, 0x0d,                                                        //    SEQUENCE
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,  //     id-sha384
    0x05, 0x00,                                                        //     NULL
    0xa2, 0x03, 0x02, 0x01, 0x30,                                      //   [2] saltLength 48
};
inline constexpr std::array<std::uint8_t, 72> rsassa_pss_sha384_with_trailer = [] {
  std::array<std::uint8_t, 72> result{};
  for (std::size_t i = 0; i < rsassa_pss_sha384.size(); ++i) result[i] = rsassa_pss_sha384[i];
  constexpr std::array<std::uint8_t, 5> trailer_field = {0xa3, 0x03, 0x02, 0x01, 0x01};  // [3] 1
  for (std::size_t i = 0; i < trailer_field.size(); ++i) {
    result[rsassa_pss_sha384.size() + i] = trailer_field[i];
  }
  result[1] = 0x46;  // both lengths grow by the five bytes
  result[14] = 0x39;
  return result;
}();
static_assert(rsassa_pss_sha384[13] == 0x30 && rsassa_pss_sha384[1] + 2 == 67 &&
              rsassa_pss_sha384[14] + 15 == 67);

// SubjectPublicKeyInfo of an uncompressed point on P-384 (RFC 5480 section 2), up to the point's
// coordinates: 48 bytes of x and 48 of y follow.
inline constexpr std::array<std::uint8_t, 24> p384_public_key_prefix = {
    0x30, 0x76, 0x30, 0x10,                                // SEQUENCE, SEQUENCE
    0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,  //  id-ecPublicKey
    0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22,              //  secp384r1
    0x03, 0x62, 0x00,                                      // BIT STRING, no unused bits
    0x04,                                                  //  uncompressed
};

// SubjectPublicKeyInfo of an RSA key with a modulus of 4096 bits, up to the modulus's 512 bytes
// (RFC 4055 section 1.2), and behind them: the public exponent 65537.
inline constexpr std::array<std::uint8_t, 33> rsa_4096_public_key_prefix = {
    0x30, 0x82, 0x02, 0x22, 0x30, 0x0d,                                // SEQUENCE, SEQUENCE
    0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,  //  rsaEncryption
    0x05, 0x00,                                                        //  NULL
    0x03, 0x82, 0x02, 0x0f, 0x00,                                      // BIT STRING
    0x30, 0x82, 0x02, 0x0a, 0x02, 0x82, 0x02, 0x01, 0x00,              //  SEQUENCE, INTEGER
};
inline constexpr std::array<std::uint8_t, 5> rsa_4096_public_key_suffix = {
    0x02, 0x03, 0x01, 0x00, 0x01,  //  INTEGER
};

}  // namespace extreq::crypto
