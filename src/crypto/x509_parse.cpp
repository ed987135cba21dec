#include "crypto/x509_parse.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/try.hpp"
#include "crypto/amd_certificate.hpp"
#include "crypto/der.hpp"
#include "crypto/openssl.hpp"
#include "crypto/openssl_time.hpp"
#include "crypto/pkey_name.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using UniqueX509 = std::unique_ptr<X509, OwnedBy<&X509_free>>;

ByteView view(const ASN1_STRING* string) {
  return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

Result<std::string> oid_text(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  if (size <= 0 || std::cmp_greater_equal(size, text.size())) {
    return fail(Code::invalid_input,
                "the certificate has an object identifier that is empty or "
                "longer than {} characters",
                text.size() - 1);
  }
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::string name_text(const X509_NAME* name) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE) < 0) return "(unreadable)";
  return read_text(bio.get());
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0) return {};
  std::uint8_t* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  if (size < 0) return {};
  std::string text(utf8, utf8 + size);
  OPENSSL_free(utf8);
  const bool has_control = std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  return has_control ? std::string() : text;
}

struct SignedParts {
  ByteView to_be_signed;
  ByteView inner_algorithm;
  ByteView outer_algorithm;
};

// The bytes as they stand, where OpenSSL would encode anew (RFC 5280 section 4.1).
Result<SignedParts> cut(ByteView der) {
  const auto missing = [] {
    return fail(Code::invalid_input,
                "the certificate is not the SEQUENCE of TBSCertificate, "
                "signatureAlgorithm and signature that RFC 5280 wants");
  };
  const auto certificate = take_der(der);
  if (!certificate || certificate->identifier != der_sequence) return missing();
  ByteView rest = certificate->content;
  const auto to_be_signed = take_der(rest);
  const auto outer = take_der(rest);
  if (!to_be_signed || to_be_signed->identifier != der_sequence || !outer) return missing();
  rest = to_be_signed->content;
  const auto version = take_der(rest);
  const auto serial = take_der(rest);
  const auto inner = take_der(rest);
  if (!version || version->identifier != der_context_0 || !serial ||
      serial->identifier != der_integer || !inner) {
    return missing();
  }
  return SignedParts{to_be_signed->whole, inner->whole, outer->whole};
}

// RFC 5280 section 4.1.1.2 wants the two algorithms equal: the outer one is not signed.
Status read_signature(X509* x509, ParsedCertificate& parsed) {
  EXTREQ_TRY_ASSIGN(const SignedParts parts, cut(parsed.der));
  if (!std::ranges::equal(parts.inner_algorithm, parts.outer_algorithm)) {
    return fail(Code::invalid_input,
                "the certificate's signatureAlgorithm differs from the one that is signed");
  }
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, x509);
  constexpr long unused_bits = 0x07;
  if ((signature->flags & unused_bits) != 0) {
    return fail(Code::invalid_input, "the certificate's signature is not a whole number of bytes");
  }
  parsed.to_be_signed.assign(parts.to_be_signed.begin(), parts.to_be_signed.end());
  const ByteView bytes = view(signature);
  parsed.signature.assign(bytes.begin(), bytes.end());
  parsed.signature_is_pss_sha384 =
      std::ranges::equal(parts.inner_algorithm, rsassa_pss_sha384) ||
      std::ranges::equal(parts.inner_algorithm, rsassa_pss_sha384_with_trailer);
  if (parsed.signature_is_pss_sha384) {
    parsed.signature_algorithm = rsassa_pss_sha384_name;
    return {};
  }
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  const int nid = OBJ_obj2nid(object);
  if (nid == NID_rsassaPss) {
    parsed.signature_algorithm = "RSASSA-PSS with other parameters than SHA-384 and salt 48";
  } else if (nid != NID_undef) {
    parsed.signature_algorithm = OBJ_nid2ln(nid);
  } else {
    EXTREQ_TRY_ASSIGN(parsed.signature_algorithm, oid_text(object));
  }
  return {};
}

// RFC 5280 section 4.1.2.2; 0 is let through because AMD's leaves have it.
Status read_serial(const X509* x509, ParsedCertificate& parsed) {
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(x509);
  if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER) {
    return fail(Code::invalid_input, "the certificate's serial number is negative");
  }
  const ByteView bytes = view(serial);
  constexpr std::size_t most = 20;
  if (bytes.size() > most) {
    return fail(Code::invalid_input, "the certificate's serial number has {} bytes, at most {} fit",
                bytes.size(), most);
  }
  parsed.serial.assign(bytes.begin(), bytes.end());
  if (parsed.serial.empty()) parsed.serial.push_back(0);
  return {};
}

Status read_extensions(X509* x509, ParsedCertificate& parsed) {
  const int count = X509_get_ext_count(x509);
  for (int i = 0; i < count; ++i) {
    X509_EXTENSION* const extension = X509_get_ext(x509, i);
    EXTREQ_TRY_ASSIGN(std::string oid, oid_text(X509_EXTENSION_get_object(extension)));
    const ByteView content = view(X509_EXTENSION_get_data(extension));
    parsed.extensions.push_back({std::move(oid), X509_EXTENSION_get_critical(extension) == 1,
                                 Bytes(content.begin(), content.end())});
  }
  std::vector<std::string_view> oids;
  for (const auto& extension : parsed.extensions) oids.emplace_back(extension.oid);
  std::ranges::sort(oids);
  if (const auto twice = std::ranges::adjacent_find(oids); twice != oids.end()) {
    return fail(Code::invalid_input, "the certificate has the extension {} twice", *twice);
  }
  const std::uint32_t flags = X509_get_extension_flags(x509);
  if ((flags & (EXFLAG_INVALID | EXFLAG_INVALID_POLICY)) != 0) {
    return fail(Code::invalid_input,
                "a standard extension of the certificate (basicConstraints, keyUsage, ...) has "
                "content that cannot be read");
  }
  parsed.unknown_critical_extension = (flags & EXFLAG_CRITICAL) != 0;
  parsed.ca = (flags & EXFLAG_CA) != 0;
  const long path_length = X509_get_pathlen(x509);
  if (path_length >= 0) parsed.path_length = static_cast<std::uint32_t>(path_length);
  parsed.key_usage = X509_get_key_usage(x509);
  return {};
}

Status read_public_key(const X509* x509, ParsedCertificate& parsed) {
  const Bytes encoded = encode(&i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x509));
  parsed.public_key_name = pkey_name(X509_get0_pubkey(x509));
  constexpr std::size_t prefix = p384_public_key_prefix.size();
  if (encoded.size() == prefix + 2 * p384_size &&
      std::equal(p384_public_key_prefix.begin(), p384_public_key_prefix.end(), encoded.begin())) {
    const ByteView point = ByteView(encoded).subspan(prefix);
    EXTREQ_TRY_ASSIGN(parsed.p384_key, EcdsaP384PublicKey::from_coordinates(
                                           point.first<p384_size>(), point.last<p384_size>()));
  } else if (parsed.public_key_name == rsa_4096_name) {
    EXTREQ_TRY_ASSIGN(parsed.rsa_key, RsaPublicKey::from_der(encoded));
  } else if (parsed.public_key_name == p384_name) {
    parsed.public_key_name += " in an unusual encoding";
  }
  return {};
}

}  // namespace

Result<ParsedCertificate> parse_certificate(ByteView der) {
  if (auto parsed = read_amd_certificate(der)) return *std::move(parsed);
  return parse_certificate_with_openssl(der);
}

Result<ParsedCertificate> parse_certificate_with_openssl(ByteView der) {
  const OpensslErrors errors;
  const std::uint8_t* at = der.data();
  const UniqueX509 x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509) {
    return fail(Code::invalid_input, "{} bytes are not a certificate: {}", der.size(),
                errors.reason());
  }
  const auto used = static_cast<std::size_t>(at - der.data());
  if (used != der.size()) {
    return fail(Code::invalid_input, "{} bytes follow the certificate's {}", der.size() - used,
                used);
  }
  ParsedCertificate parsed;
  parsed.der.assign(der.begin(), der.end());
  if (encode(&i2d_X509, static_cast<const X509*>(x509.get())) != parsed.der) {
    return fail(Code::invalid_input, "the certificate is not encoded in DER");
  }
  constexpr long version_3 = 2;
  if (const long version = X509_get_version(x509.get()); version != version_3) {
    return fail(Code::invalid_input, "the certificate has X.509 version {}, wanted 3", version + 1);
  }
  EXTREQ_TRY(read_signature(x509.get(), parsed));
  EXTREQ_TRY(read_serial(x509.get(), parsed));
  const X509_NAME* const issuer = X509_get_issuer_name(x509.get());
  const X509_NAME* const subject = X509_get_subject_name(x509.get());
  parsed.issuer_der = encode(&i2d_X509_NAME, issuer);
  parsed.subject_der = encode(&i2d_X509_NAME, subject);
  parsed.issuer = name_text(issuer);
  parsed.subject = name_text(subject);
  parsed.issuer_common_name = common_name(issuer);
  parsed.subject_common_name = common_name(subject);
  EXTREQ_TRY_ASSIGN(parsed.not_before,
                    read_time(X509_get0_notBefore(x509.get()), "the certificate's notBefore"));
  EXTREQ_TRY_ASSIGN(parsed.not_after,
                    read_time(X509_get0_notAfter(x509.get()), "the certificate's notAfter"));
  EXTREQ_TRY(read_extensions(x509.get(), parsed));
  EXTREQ_TRY(read_public_key(x509.get(), parsed));
  return parsed;
}

}  // namespace extreq::crypto
