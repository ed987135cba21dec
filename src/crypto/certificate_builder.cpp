#include "crypto/certificate_builder.hpp"

#include <algorithm>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/try.hpp"
#include "crypto/der.hpp"
#include "crypto/openssl.hpp"
#include "crypto/openssl_time.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using UniqueName = std::unique_ptr<X509_NAME, OwnedBy<&X509_NAME_free>>;
using UniqueObject = std::unique_ptr<ASN1_OBJECT, OwnedBy<&ASN1_OBJECT_free>>;

constexpr std::array<std::uint8_t, 1> der_true = {0xFF};

Bytes make_integer(std::uint64_t value) {
  Bytes octets;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto octet = static_cast<std::uint8_t>(value >> static_cast<unsigned>(shift));
    if (octets.empty() && octet == 0 && shift != 0) continue;
    // A first bit that is set would make the number negative (X.690 section 8.3).
    if (octets.empty() && octet >= 0x80) octets.push_back(0);
    octets.push_back(octet);
  }
  return make_der(der_integer, {octets});
}

Result<Bytes> encode_name(const DistinguishedName& name) {
  const OpensslErrors errors;
  const UniqueName encoded(X509_NAME_new());
  // AMD's order. OpenSSL makes countryName a PrintableString and the others UTF8Strings.
  const std::array<std::pair<int, const std::string*>, 6> parts = {{
      {NID_organizationalUnitName, &name.organizational_unit},
      {NID_countryName, &name.country},
      {NID_localityName, &name.locality},
      {NID_stateOrProvinceName, &name.state},
      {NID_organizationName, &name.organization},
      {NID_commonName, &name.common_name},
  }};
  for (const auto& [nid, text] : parts) {
    if (text->empty()) continue;
    const Bytes utf8 = to_bytes(*text);
    if (!encoded || X509_NAME_add_entry_by_NID(encoded.get(), nid, MBSTRING_UTF8, utf8.data(),
                                               static_cast<int>(utf8.size()), -1, 0) != 1) {
      return fail(Code::invalid_input, "\"{}\" cannot be the {} of a name: {}", *text,
                  OBJ_nid2ln(nid), errors.reason());
    }
  }
  return encode(&i2d_X509_NAME, static_cast<const X509_NAME*>(encoded.get()));
}

Bytes encode_key(const RsaPublicKey& key) { return key.der(); }

Bytes encode_key(const EcdsaP384PublicKey& key) {
  Bytes result(p384_public_key_prefix.begin(), p384_public_key_prefix.end());
  result.insert(result.end(), key.qx().begin(), key.qx().end());
  result.insert(result.end(), key.qy().begin(), key.qy().end());
  return result;
}

Result<Bytes> encode_extension(const CertificateExtension& extension) {
  const OpensslErrors errors;
  const UniqueObject oid(OBJ_txt2obj(extension.oid.c_str(), 1));
  if (!oid) {
    return fail(Code::invalid_input, "\"{}\" is not a dotted object identifier: {}", extension.oid,
                errors.reason());
  }
  const Bytes critical = extension.critical ? make_der(der_boolean, {der_true}) : Bytes();
  return make_der(der_sequence,
                  {encode(&i2d_ASN1_OBJECT, static_cast<const ASN1_OBJECT*>(oid.get())), critical,
                   make_der(der_octet_string, {extension.content})});
}

// RFC 5280 sections 4.2.1.9 and 4.2.1.3.
std::vector<CertificateExtension> extensions_of(const CertificateAuthority& authority) {
  const Bytes path_length = authority.path_length ? make_integer(*authority.path_length) : Bytes();
  const Bytes basic_constraints =
      make_der(der_sequence, {make_der(der_boolean, {der_true}), path_length});
  // First the number of unused bits; keyCertSign is bit 5 from the left, cRLSign bit 6.
  const std::array<std::uint8_t, 2> sign_certificates = {2, 0x04};
  const std::array<std::uint8_t, 2> sign_both = {1, 0x06};
  const Bytes key_usage =
      make_der(der_bit_string, {authority.signs_crls ? sign_both : sign_certificates});
  return {{"2.5.29.19", true, basic_constraints}, {"2.5.29.15", true, key_usage}};
}

Result<Bytes> encode_extensions(const CertificateContent& content) {
  auto extensions =
      content.authority ? extensions_of(*content.authority) : std::vector<CertificateExtension>();
  extensions.insert(extensions.end(), content.extensions.begin(), content.extensions.end());
  if (extensions.empty()) return Bytes();
  Bytes all;
  for (const auto& extension : extensions) {
    EXTREQ_TRY_ASSIGN(const Bytes one, encode_extension(extension));
    all.insert(all.end(), one.begin(), one.end());
  }
  return make_der(der_context_3, {make_der(der_sequence, {all})});
}

}  // namespace

Result<Certificate> issue_certificate(const CertificateContent& content,
                                      const RsaPrivateKey& issuer_key) {
  const ByteView algorithm = content.explicit_trailer_field
                                 ? ByteView(rsassa_pss_sha384_with_trailer)
                                 : ByteView(rsassa_pss_sha384);
  constexpr std::uint64_t version_3 = 2;
  EXTREQ_TRY_ASSIGN(const Bytes issuer, encode_name(content.issuer));
  EXTREQ_TRY_ASSIGN(const Bytes subject, encode_name(content.subject));
  EXTREQ_TRY_ASSIGN(const Bytes not_before, encode_time(content.not_before));
  EXTREQ_TRY_ASSIGN(const Bytes not_after, encode_time(content.not_after));
  EXTREQ_TRY_ASSIGN(const Bytes extensions, encode_extensions(content));
  const Bytes public_key =
      std::visit([](const auto& key) { return encode_key(key); }, content.subject_key);
  // TBSCertificate and Certificate (RFC 5280 section 4.1).
  const Bytes to_be_signed = make_der(
      der_sequence,
      {make_der(der_context_0, {make_integer(version_3)}), make_integer(content.serial), algorithm,
       issuer, make_der(der_sequence, {not_before, not_after}), subject, public_key, extensions});
  EXTREQ_TRY_ASSIGN(const Bytes signature, issuer_key.sign(to_be_signed));
  constexpr std::array<std::uint8_t, 1> no_unused_bits = {0};
  return Certificate::from_der(
      make_der(der_sequence,
               {to_be_signed, algorithm, make_der(der_bit_string, {no_unused_bits, signature})}));
}

}  // namespace extreq::crypto
