#include "crypto/crl_builder.hpp"

#include <openssl/objects.h>

#include "base/try.hpp"
#include "crypto/der.hpp"
#include "crypto/openssl.hpp"
#include "crypto/openssl_time.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using UniqueObject = std::unique_ptr<ASN1_OBJECT, OwnedBy<&ASN1_OBJECT_free>>;

constexpr std::array<std::uint8_t, 1> der_true = {0xFF};
constexpr std::uint8_t der_context_0_constructed = der_context_0;
constexpr std::uint8_t der_context_4_constructed = 0xA4;  // GeneralName's directoryName
constexpr std::uint8_t der_context_4_primitive = 0x84;    // indirectCRL
constexpr std::array<std::uint8_t, 1> version_2 = {1};

Bytes integer(ByteView octets) {
  while (octets.size() > 1 && octets[0] == 0) octets = octets.subspan(1);
  const Bytes sign(!octets.empty() && octets[0] >= 0x80 ? 1U : 0U);
  return make_der(der_integer, {sign, octets});
}

Bytes integer(std::uint64_t value) {
  std::array<std::uint8_t, 8> octets{};
  for (auto octet = octets.rbegin(); octet != octets.rend(); ++octet, value >>= 8U) {
    *octet = static_cast<std::uint8_t>(value);
  }
  return integer(ByteView(octets));
}

Result<Bytes> encode_extension(const CertificateExtension& extension) {
  const OpensslErrors errors;
  const UniqueObject oid(OBJ_txt2obj(extension.oid.c_str(), 1));
  if (!oid) return fail(Code::invalid_input, "\"{}\" is not a dotted OID", extension.oid);
  const Bytes critical = extension.critical ? make_der(der_boolean, {der_true}) : Bytes();
  return make_der(der_sequence,
                  {encode(&i2d_ASN1_OBJECT, static_cast<const ASN1_OBJECT*>(oid.get())), critical,
                   make_der(der_octet_string, {extension.content})});
}

Result<Bytes> encode_extensions(const std::vector<CertificateExtension>& extensions) {
  Bytes all;
  for (const auto& extension : extensions) {
    EXTREQ_TRY_ASSIGN(const Bytes one, encode_extension(extension));
    all.insert(all.end(), one.begin(), one.end());
  }
  return make_der(der_sequence, {all});
}

// RFC 5280 sections 5.2.3, 5.2.5 and 5.3.3.
CertificateExtension crl_number(std::uint64_t number) {
  return {"2.5.29.20", false, integer(number)};
}

CertificateExtension indirect_scope() {
  return {"2.5.29.28", true,
          make_der(der_sequence, {make_der(der_context_4_primitive, {der_true})})};
}

CertificateExtension certificate_issuer(ByteView name) {
  return {"2.5.29.29", true, make_der(der_sequence, {make_der(der_context_4_constructed, {name})})};
}

Result<Bytes> encode_entries(const RevocationListContent& content, ByteView date) {
  Bytes all;
  for (const auto& entry : content.entries) {
    Bytes extensions;
    if (entry.issuer_der) {
      EXTREQ_TRY_ASSIGN(extensions, encode_extensions({certificate_issuer(*entry.issuer_der)}));
    }
    const Bytes one = make_der(der_sequence, {integer(entry.serial), date, extensions});
    all.insert(all.end(), one.begin(), one.end());
  }
  return all.empty() ? Bytes() : make_der(der_sequence, {all});
}

}  // namespace

Result<Bytes> encode_revocation_list(const RevocationListContent& content,
                                     const RsaPrivateKey& issuer_key) {
  EXTREQ_TRY_ASSIGN(const Bytes this_update, encode_time(content.this_update));
  Bytes next_update;
  if (content.next_update) {
    EXTREQ_TRY_ASSIGN(next_update, encode_time(*content.next_update));
  }
  EXTREQ_TRY_ASSIGN(const Bytes entries, encode_entries(content, this_update));
  std::vector<CertificateExtension> all;
  if (content.number) all.push_back(crl_number(*content.number));
  if (content.indirect) all.push_back(indirect_scope());
  all.insert(all.end(), content.extensions.begin(), content.extensions.end());
  Bytes extensions;
  if (!all.empty()) {
    EXTREQ_TRY_ASSIGN(const Bytes sequence, encode_extensions(all));
    extensions = make_der(der_context_0_constructed, {sequence});
  }
  const Bytes to_be_signed =
      make_der(der_sequence, {make_der(der_integer, {version_2}), rsassa_pss_sha384,
                              content.issuer_der, this_update, next_update, entries, extensions});
  EXTREQ_TRY_ASSIGN(const Bytes signature, issuer_key.sign(to_be_signed));
  constexpr std::array<std::uint8_t, 1> no_unused_bits = {0};
  return make_der(der_sequence, {to_be_signed, rsassa_pss_sha384,
                                 make_der(der_bit_string, {no_unused_bits, signature})});
}

Result<RevocationList> issue_revocation_list(const RevocationListContent& content,
                                             const RsaPrivateKey& issuer_key) {
  EXTREQ_TRY_ASSIGN(const Bytes der, encode_revocation_list(content, issuer_key));
  return RevocationList::from_pem_or_der(der);
}

}  // namespace extreq::crypto
