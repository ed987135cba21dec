#include "crypto/crl.hpp"

#include <algorithm>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/try.hpp"
#include "crypto/der.hpp"
#include "crypto/openssl.hpp"
#include "crypto/openssl_time.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

using UniqueCrl = std::unique_ptr<X509_CRL, OwnedBy<&X509_CRL_free>>;
using UniqueNames = std::unique_ptr<GENERAL_NAMES, OwnedBy<&GENERAL_NAMES_free>>;
using UniqueInteger = std::unique_ptr<ASN1_INTEGER, OwnedBy<&ASN1_INTEGER_free>>;
using UniqueScope = std::unique_ptr<ISSUING_DIST_POINT, OwnedBy<&ISSUING_DIST_POINT_free>>;

template <class... Args>
tl::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Code::invalid_input, "the revocation list {}",
              fmt::format(format, std::forward<Args>(args)...));
}

// nullopt: more than 20 octets or negative (RFC 5280 sections 4.1.2.2 and 5.2.3).
std::optional<Bytes> number_of(const ASN1_INTEGER* number) {
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(number));
  const std::uint8_t* const data = ASN1_STRING_get0_data(number);
  if (ASN1_STRING_type(number) != V_ASN1_INTEGER || size > 20) return std::nullopt;
  const std::uint8_t* const first =
      std::find_if(data, data + size, [](std::uint8_t octet) { return octet != 0; });
  Bytes result(first, data + size);
  if (result.empty()) result.push_back(0);
  return result;
}

Bytes encode_name(const X509_NAME* name) { return encode(&i2d_X509_NAME, name); }

Result<Bytes> der_of(ByteView bytes) {
  if (bytes.size() > RevocationList::max_input) {
    return bad("has {} bytes, at most {} are read", bytes.size(), RevocationList::max_input);
  }
  if (!bytes.empty() && bytes.front() == der_sequence) return Bytes(bytes.begin(), bytes.end());
  const OpensslErrors errors;
  const UniqueBio bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  const UniqueCrl crl(bio ? PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!crl) return bad("is neither DER nor a PEM block \"X509 CRL\": {}", errors.reason());
  return encode(&i2d_X509_CRL, static_cast<const X509_CRL*>(crl.get()));
}

}  // namespace

// Fills a list from OpenSSL's object, part by part.
class RevocationListReader {
 public:
  static Result<RevocationList> read(ByteView bytes) {
    RevocationListReader reader;
    EXTREQ_TRY_ASSIGN(reader.list_.der_, der_of(bytes));
    EXTREQ_TRY(reader.parse());
    EXTREQ_TRY(reader.read_signature());
    EXTREQ_TRY(reader.read_head());
    EXTREQ_TRY(reader.read_extensions());
    EXTREQ_TRY(reader.read_entries());
    return std::move(reader.list_);
  }

 private:
  Status parse() {
    const OpensslErrors errors;
    const Bytes& der = list_.der_;
    const std::uint8_t* at = der.data();
    crl_.reset(d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())));
    if (!crl_) return bad("is not one: {}", errors.reason());
    if (at != der.data() + der.size()) return bad("is followed by other bytes");
    // The signed part keeps its encoding in OpenSSL; what stands around it is encoded anew.
    if (encode(&i2d_X509_CRL, static_cast<const X509_CRL*>(crl_.get())) != der) {
      return bad("is not DER: it encodes to other bytes");
    }
    return {};
  }

  // CertificateList and TBSCertList as they stand (RFC 5280 section 5.1).
  Status read_signature() {
    ByteView rest = list_.der_;
    const auto whole = take_strict_der(rest, der_sequence);
    rest = whole ? whole->content : ByteView();
    const auto to_be_signed = take_strict_der(rest, der_sequence);
    const auto outer = take_strict_der(rest, der_sequence);
    const auto signature = take_strict_der(rest, der_bit_string);
    rest = to_be_signed ? to_be_signed->content : ByteView();
    const auto version = take_strict_der(rest, der_integer);
    const auto inner = take_strict_der(rest, der_sequence);
    if (!to_be_signed || !outer || !signature || signature->content.empty() ||
        signature->content[0] != 0 || !version || !inner) {
      return bad("lacks a part that RFC 5280 section 5.1 wants in version 2");
    }
    if (X509_CRL_get_version(crl_.get()) != 1) return bad("is not of version 2");
    if (!std::ranges::equal(inner->whole, outer->whole)) {
      return bad("has a signatureAlgorithm that differs from the one that is signed");
    }
    list_.to_be_signed_.assign(to_be_signed->whole.begin(), to_be_signed->whole.end());
    list_.signature_.assign(signature->content.begin() + 1, signature->content.end());
    list_.signature_is_pss_sha384_ =
        std::ranges::equal(outer->whole, rsassa_pss_sha384) ||
        std::ranges::equal(outer->whole, rsassa_pss_sha384_with_trailer);
    return {};
  }

  Status read_head() {
    const X509_NAME* const issuer = X509_CRL_get_issuer(crl_.get());
    list_.issuer_der_ = encode_name(issuer);
    const UniqueBio bio(BIO_new(BIO_s_mem()));
    if (bio && X509_NAME_print_ex(bio.get(), issuer, 0, XN_FLAG_ONELINE) >= 0) {
      list_.issuer_ = read_text(bio.get());
    }
    EXTREQ_TRY_ASSIGN(list_.this_update_, read_time(X509_CRL_get0_lastUpdate(crl_.get()),
                                                    "the revocation list's thisUpdate"));
    if (const ASN1_TIME* const next = X509_CRL_get0_nextUpdate(crl_.get())) {
      EXTREQ_TRY_ASSIGN(list_.next_update_, read_time(next, "the revocation list's nextUpdate"));
    }
    return {};
  }

  Status read_extensions() {
    for (int i = 0; i < X509_CRL_get_ext_count(crl_.get()); ++i) {
      X509_EXTENSION* const extension = X509_CRL_get_ext(crl_.get(), i);
      const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
      if (X509_CRL_get_ext_by_OBJ(crl_.get(), X509_EXTENSION_get_object(extension), i) >= 0) {
        return bad("has an extension twice");
      }
      if (nid == NID_delta_crl) return bad("is a delta: it does not say who else is revoked");
      const bool read = nid == NID_crl_number || nid == NID_issuing_distribution_point;
      if (!read && X509_EXTENSION_get_critical(extension) != 0) {
        return bad("has a critical extension that is not known");
      }
    }
    EXTREQ_TRY(read_number());
    return read_scope();
  }

  Status read_number() {
    const int at = X509_CRL_get_ext_by_NID(crl_.get(), NID_crl_number, -1);
    if (at < 0) return {};
    const UniqueInteger number(static_cast<ASN1_INTEGER*>(
        X509_CRL_get_ext_d2i(crl_.get(), NID_crl_number, nullptr, nullptr)));
    if (number) list_.number_ = number_of(number.get());
    if (!list_.number_) return bad("has a cRLNumber that is no number of at most 20 octets");
    return {};
  }

  // issuingDistributionPoint (RFC 5280 section 5.2.5).
  Status read_scope() {
    const int at = X509_CRL_get_ext_by_NID(crl_.get(), NID_issuing_distribution_point, -1);
    if (at < 0) return {};
    const UniqueScope scope(static_cast<ISSUING_DIST_POINT*>(
        X509_CRL_get_ext_d2i(crl_.get(), NID_issuing_distribution_point, nullptr, nullptr)));
    if (!scope) return bad("has a malformed issuingDistributionPoint");
    if (scope->onlyuser > 0 || scope->onlyCA > 0 || scope->onlyattr > 0 ||
        scope->onlysomereasons != nullptr) {
      return bad("leaves some kinds of certificates or some reasons out");
    }
    // RFC 5280 section 6.3.3 b 2 i: who names another distribution point may be on another list.
    if (scope->distpoint != nullptr) {
      return bad("is for one distribution point: it leaves out the certificates of others");
    }
    indirect_ = scope->indirectCRL > 0;
    return {};
  }

  Status read_entries() {
    STACK_OF(X509_REVOKED)* const revoked = X509_CRL_get_REVOKED(crl_.get());
    const int count = revoked == nullptr ? 0 : sk_X509_REVOKED_num(revoked);
    if (static_cast<std::size_t>(count) > RevocationList::max_entries) {
      return bad("has {} entries, at most {} are read", count, RevocationList::max_entries);
    }
    Bytes issuer = list_.issuer_der_;
    for (int i = 0; i < count; ++i) {
      const X509_REVOKED* const entry = sk_X509_REVOKED_value(revoked, i);
      EXTREQ_TRY(read_issuer(entry, i, issuer));
      auto serial = number_of(X509_REVOKED_get0_serialNumber(entry));
      if (!serial) return bad("has an entry {} without a serial number of at most 20 octets", i);
      list_.entries_.push_back({std::move(*serial), issuer});
    }
    return {};
  }

  // Changes `issuer` if the entry names one.
  Status read_issuer(const X509_REVOKED* entry, int index, Bytes& issuer) const {
    for (int i = 0; i < X509_REVOKED_get_ext_count(entry); ++i) {
      X509_EXTENSION* const extension = X509_REVOKED_get_ext(entry, i);
      const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
      if (nid != NID_certificate_issuer && X509_EXTENSION_get_critical(extension) != 0) {
        return bad("has an entry {} with a critical extension that is not known", index);
      }
    }
    if (X509_REVOKED_get_ext_by_NID(entry, NID_certificate_issuer, -1) < 0) return {};
    if (!indirect_) return bad("names an issuer in entry {} without being indirect", index);
    const UniqueNames names(static_cast<GENERAL_NAMES*>(
        X509_REVOKED_get_ext_d2i(entry, NID_certificate_issuer, nullptr, nullptr)));
    if (!names || sk_GENERAL_NAME_num(names.get()) != 1 ||
        sk_GENERAL_NAME_value(names.get(), 0)->type != GEN_DIRNAME) {
      return bad("has an entry {} whose certificateIssuer is not one directory name", index);
    }
    issuer = encode_name(sk_GENERAL_NAME_value(names.get(), 0)->d.directoryName);
    return {};
  }

  UniqueCrl crl_;
  RevocationList list_;
  bool indirect_ = false;
};

Result<RevocationList> RevocationList::from_pem_or_der(ByteView bytes) {
  return RevocationListReader::read(bytes);
}

bool RevocationList::names(const Certificate& certificate) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return entry.serial == certificate.serial() && entry.issuer_der == certificate.issuer_der();
  });
}

Status RevocationList::check_signed_by(const Certificate& issuer) const {
  if (!signature_is_pss_sha384_) {
    return fail(
        Code::not_genuine,
        "the revocation list is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes");
  }
  const auto key = issuer.rsa_4096_key();
  if (!key || !key->verify(to_be_signed_, signature_)) {
    return fail(Code::not_genuine, "\"{}\" did not sign the revocation list", issuer.subject());
  }
  return {};
}

}  // namespace extreq::crypto
