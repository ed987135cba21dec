#include "fuzz/test_revocation_list.hpp"

#include <vector>

#include "crypto/der.hpp"
#include "crypto/x509_encodings.hpp"
#include "fuzz/test_certificate.hpp"

namespace extreq::fuzz {
namespace {

using crypto::make_der;

constexpr std::uint8_t object_identifier = 0x06;
constexpr std::uint8_t utc_time = 0x17;

Bytes joined(std::span<const Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes time_of(std::string_view text) { return make_der(utc_time, {to_bytes(text)}); }

}  // namespace

Bytes revoked(ByteView serial, ByteView extension) {
  const Bytes extensions =
      extension.empty() ? Bytes() : make_der(crypto::der_sequence, {extension});
  return make_der(crypto::der_sequence,
                  {make_der(crypto::der_integer, {serial}), time_of("240101000000Z"), extensions});
}

Bytes list_extension(std::uint8_t arc, bool critical, ByteView content) {
  const Bytes oid{object_identifier, 3, 0x55, 0x1D, arc};
  const Bytes flag = critical ? Bytes{crypto::der_boolean, 1, 0xFF} : Bytes();
  return make_der(crypto::der_sequence, {oid, flag, make_der(crypto::der_octet_string, {content})});
}

Bytes certificate_issuer() {
  constexpr std::uint8_t directory_name = 0xA4;
  return make_der(crypto::der_sequence,
                  {make_der(directory_name, {distinguished_name("ARK-Milan")})});
}

Bytes make_revocation_list(std::span<const Bytes> entries, std::span<const Bytes> extensions) {
  const Bytes version{crypto::der_integer, 1, 1};
  const Bytes revoked_list =
      entries.empty() ? Bytes() : make_der(crypto::der_sequence, {joined(entries)});
  const Bytes extension_list =
      extensions.empty()
          ? Bytes()
          : make_der(crypto::der_context_0, {make_der(crypto::der_sequence, {joined(extensions)})});
  const Bytes to_be_signed =
      make_der(crypto::der_sequence,
               {version, crypto::rsassa_pss_sha384, distinguished_name("ARK-Milan"),
                time_of("240101000000Z"), time_of("300101000000Z"), revoked_list, extension_list});
  const Bytes signature = make_der(crypto::der_bit_string, {Bytes(513)});
  return make_der(crypto::der_sequence, {to_be_signed, crypto::rsassa_pss_sha384, signature});
}

Bytes indirect_list() {
  const Bytes number{crypto::der_integer, 2, 1, 0x2C};
  const Bytes scope{crypto::der_sequence, 3, 0x84, 1, 0xFF};  // indirectCRL
  const std::vector<Bytes> entries = {
      revoked(Bytes{5}, {}), revoked(Bytes{0}, list_extension(29, true, certificate_issuer()))};
  const std::vector<Bytes> extensions = {list_extension(20, false, number),
                                         list_extension(28, true, scope)};
  return make_revocation_list(entries, extensions);
}

}  // namespace extreq::fuzz
