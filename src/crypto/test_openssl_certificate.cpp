#include "crypto/test_openssl_certificate.hpp"

#include <algorithm>
#include <array>

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/openssl.hpp"
#include "crypto/openssl_time.hpp"
#include "crypto/pkey.hpp"

namespace extreq::crypto {
namespace {

using UniqueX509 = std::unique_ptr<X509, OwnedBy<&X509_free>>;
using UniqueConstraints = std::unique_ptr<BASIC_CONSTRAINTS, OwnedBy<&BASIC_CONSTRAINTS_free>>;
using UniqueBits = std::unique_ptr<ASN1_BIT_STRING, OwnedBy<&ASN1_BIT_STRING_free>>;

Bytes bytes_of(const ASN1_STRING* string) {
  const std::uint8_t* const data = ASN1_STRING_get0_data(string);
  return {data, data + ASN1_STRING_length(string)};
}

std::string text_of(const X509_NAME* name) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE);
  return read_text(bio.get());
}

std::string common_name_of(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  const Bytes text = bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  return {text.begin(), text.end()};
}

bool read_signature(X509* x509, ParsedCertificate& parsed) {
  std::uint8_t* to_be_signed = nullptr;
  const int size = i2d_re_X509_tbs(x509, &to_be_signed);
  if (size <= 0) return false;
  parsed.to_be_signed.assign(to_be_signed, to_be_signed + size);
  OPENSSL_free(to_be_signed);
  const ASN1_BIT_STRING* signature = nullptr;
  const X509_ALGOR* algorithm = nullptr;
  X509_get0_signature(&signature, &algorithm, x509);
  parsed.signature = bytes_of(signature);
  return X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(x509)) == 0 &&
         X509_get_signature_nid(x509) == NID_rsassaPss;
}

bool read_names(const X509* x509, ParsedCertificate& parsed) {
  const X509_NAME* const issuer = X509_get_issuer_name(x509);
  const X509_NAME* const subject = X509_get_subject_name(x509);
  parsed.issuer_der = encode(&i2d_X509_NAME, issuer);
  parsed.subject_der = encode(&i2d_X509_NAME, subject);
  parsed.issuer = text_of(issuer);
  parsed.subject = text_of(subject);
  parsed.issuer_common_name = common_name_of(issuer);
  parsed.subject_common_name = common_name_of(subject);
  const auto not_before = read_time(X509_get0_notBefore(x509), "notBefore");
  const auto not_after = read_time(X509_get0_notAfter(x509), "notAfter");
  if (!not_before || !not_after) return false;
  parsed.not_before = *not_before;
  parsed.not_after = *not_after;
  const ASN1_INTEGER* const serial = X509_get0_serialNumber(x509);
  parsed.serial = bytes_of(serial);
  if (parsed.serial.empty()) parsed.serial.push_back(0);
  return ASN1_STRING_type(serial) == V_ASN1_INTEGER;
}

// False: there, but not to be read, or more than once (X509_get_ext_d2i(3)).
template <class Owner>
bool extension_of(const X509* x509, int nid, Owner& found) {
  int state = 0;
  found.reset(static_cast<typename Owner::pointer>(X509_get_ext_d2i(x509, nid, &state, nullptr)));
  return found != nullptr || state == -1;
}

bool read_extensions_with_openssl(const X509* x509, ParsedCertificate& parsed) {
  for (int i = 0; i < X509_get_ext_count(x509); ++i) {
    X509_EXTENSION* const extension = X509_get_ext(x509, i);
    std::array<char, 1024> oid{};
    OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), X509_EXTENSION_get_object(extension), 1);
    parsed.extensions.push_back({oid.data(), X509_EXTENSION_get_critical(extension) == 1,
                                 bytes_of(X509_EXTENSION_get_data(extension))});
  }
  UniqueConstraints constraints;
  UniqueBits usage;
  if (!extension_of(x509, NID_basic_constraints, constraints) ||
      !extension_of(x509, NID_key_usage, usage)) {
    return false;
  }
  if (constraints) {
    parsed.ca = constraints->ca != 0;
    if (constraints->pathlen != nullptr) {
      parsed.path_length = static_cast<std::uint32_t>(ASN1_INTEGER_get(constraints->pathlen));
    }
  }
  if (usage) parsed.key_usage = ASN1_STRING_get0_data(usage.get())[0];
  return true;
}

bool read_key(const X509* x509, ParsedCertificate& parsed) {
  EVP_PKEY* const key = X509_get0_pubkey(x509);
  if (pkey_name(key) == rsa_4096_name) {
    auto rsa = RsaPublicKey::from_der(encode(&i2d_PUBKEY, static_cast<const EVP_PKEY*>(key)));
    if (!rsa) return false;
    parsed.rsa_key = *std::move(rsa);
    return true;
  }
  std::array<std::uint8_t, 1 + 2 * p384_size> point{};
  std::size_t size = 0;
  if (pkey_name(key) != p384_name ||
      EVP_PKEY_get_octet_string_param(key, "pub", point.data(), point.size(), &size) != 1 ||
      size != point.size()) {
    return false;
  }
  const ByteView coordinates = ByteView(point).subspan(1);
  const auto p384 = EcdsaP384PublicKey::from_coordinates(coordinates.first<p384_size>(),
                                                         coordinates.last<p384_size>());
  if (p384) parsed.p384_key = *p384;
  return p384.has_value();
}

}  // namespace

std::optional<ParsedCertificate> read_with_openssl(ByteView der) {
  const OpensslErrors errors;
  const std::uint8_t* at = der.data();
  const UniqueX509 x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!x509 || at != der.data() + der.size()) return std::nullopt;
  ParsedCertificate parsed;
  parsed.der = encode(&i2d_X509, static_cast<const X509*>(x509.get()));
  if (!std::ranges::equal(parsed.der, der) || X509_get_version(x509.get()) != X509_VERSION_3 ||
      !read_signature(x509.get(), parsed) || !read_names(x509.get(), parsed) ||
      !read_extensions_with_openssl(x509.get(), parsed) || !read_key(x509.get(), parsed)) {
    return std::nullopt;
  }
  return parsed;
}

bool is_read_as_by_openssl(const ParsedCertificate& ours) {
  const auto judge = read_with_openssl(ours.der);
  return judge && *judge == ours &&
         std::ranges::all_of(ours.extensions, [](const CertificateExtension& extension) {
           return !extension.critical || extension.oid == "2.5.29.15" ||
                  extension.oid == "2.5.29.19";
         });
}

}  // namespace extreq::crypto
