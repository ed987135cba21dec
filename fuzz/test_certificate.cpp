#include "fuzz/test_certificate.hpp"

#include "crypto/der.hpp"
#include "crypto/ecdsa_p384.hpp"
#include "crypto/rsa.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::fuzz {
namespace {

using crypto::make_der;

Bytes public_key() {
  std::array<std::uint8_t, crypto::p384_size> one{};
  one.back() = 1;
  const auto key = crypto::EcdsaP384PrivateKey::from_scalar(one).value().public_key();
  Bytes encoded(crypto::p384_public_key_prefix.begin(), crypto::p384_public_key_prefix.end());
  encoded.insert(encoded.end(), key.qx().begin(), key.qx().end());
  encoded.insert(encoded.end(), key.qy().begin(), key.qy().end());
  return encoded;
}

Bytes extension(const RawExtension& raw) {
  Bytes oid{0x2B, 0x06, 0x01, 0x04, 0x01, 0x9C, 0x78, 0x01};  // 1.3.6.1.4.1.3704.1
  oid.insert(oid.end(), raw.oid_tail.begin(), raw.oid_tail.end());
  return make_der(crypto::der_sequence, {make_der(crypto::der_oid, {oid}),
                                         make_der(crypto::der_octet_string, {raw.content})});
}

// `list`: the extensions, encoded.
Bytes certificate_of(std::string_view issuer, std::string_view subject, ByteView key,
                     ByteView list) {
  const Bytes version = make_der(crypto::der_context_0, {Bytes{crypto::der_integer, 1, 2}});
  const Bytes serial{crypto::der_integer, 1, 0};
  const Bytes validity =
      make_der(crypto::der_sequence, {make_der(crypto::der_utc_time, {to_bytes("230101000000Z")}),
                                      make_der(crypto::der_utc_time, {to_bytes("300101000000Z")})});
  const Bytes optional =
      list.empty() ? Bytes()
                   : make_der(crypto::der_context_3, {make_der(crypto::der_sequence, {list})});
  const Bytes to_be_signed = make_der(
      crypto::der_sequence, {version, serial, crypto::rsassa_pss_sha384, distinguished_name(issuer),
                             validity, distinguished_name(subject), key, optional});
  const Bytes signature = make_der(crypto::der_bit_string, {Bytes(513)});
  return make_der(crypto::der_sequence, {to_be_signed, crypto::rsassa_pss_sha384, signature});
}

Bytes standard_extension(std::uint8_t arc, bool critical, ByteView content) {
  const Bytes oid{crypto::der_oid, 3, 0x55, 0x1D, arc};
  const Bytes flag = critical ? Bytes{crypto::der_boolean, 1, 0xFF} : Bytes();
  return make_der(crypto::der_sequence, {oid, flag, make_der(crypto::der_octet_string, {content})});
}

}  // namespace

Bytes distinguished_name(std::string_view common_name) {
  const Bytes type{crypto::der_oid, 3, 0x55, 0x04, 0x03};  // 2.5.4.3
  const Bytes value = make_der(crypto::der_utf8_string, {to_bytes(common_name)});
  return make_der(crypto::der_sequence,
                  {make_der(crypto::der_set, {make_der(crypto::der_sequence, {type, value})})});
}

Bytes make_certificate(std::span<const RawExtension> extensions) {
  static const Bytes key = public_key();
  Bytes list;
  for (const RawExtension& raw : extensions) {
    const Bytes encoded = extension(raw);
    list.insert(list.end(), encoded.begin(), encoded.end());
  }
  return certificate_of("SEV-Milan", "SEV-VCEK", key, list);
}

Bytes make_authority() {
  Bytes key(crypto::rsa_4096_public_key_prefix.begin(), crypto::rsa_4096_public_key_prefix.end());
  key.insert(key.end(), crypto::rsa_4096_size, 0xC1);
  key.insert(key.end(), crypto::rsa_4096_public_key_suffix.begin(),
             crypto::rsa_4096_public_key_suffix.end());
  const Bytes identifier(20, 0x11);
  Bytes uri = make_der(0x86, {to_bytes("https://kds/crl")});
  for (const std::uint8_t around :
       {crypto::der_context_0, crypto::der_context_0, crypto::der_sequence, crypto::der_sequence}) {
    uri = make_der(around, {uri});
  }
  Bytes list;
  for (const Bytes& one :
       {standard_extension(14, false, make_der(crypto::der_octet_string, {identifier})),
        standard_extension(35, false,
                           make_der(crypto::der_sequence, {make_der(0x80, {identifier})})),
        standard_extension(19, true, Bytes{0x30, 6, 1, 1, 0xFF, 2, 1, 0}),
        standard_extension(15, true, Bytes{3, 2, 2, 4}), standard_extension(31, false, uri)}) {
    list.insert(list.end(), one.begin(), one.end());
  }
  return certificate_of("ARK-Milan", "SEV-Milan", key, list);
}

}  // namespace extreq::fuzz
