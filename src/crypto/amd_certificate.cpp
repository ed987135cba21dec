#include "crypto/amd_certificate.hpp"

#include <algorithm>
#include <array>

#include "base/printable.hpp"
#include "base/try.hpp"
#include "crypto/amd_extensions.hpp"
#include "crypto/amd_name.hpp"
#include "crypto/der.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

constexpr std::string_view certificate_name = "the certificate";

// RFC 5280 section 4.1.2.5: YYMMDDHHMMSSZ for the years 1950 to 2049, YYYYMMDDHHMMSSZ after them.
std::optional<std::chrono::sys_seconds> time_of(std::string text, bool utc_time) {
  constexpr std::size_t digits = 14;
  if (utc_time) text.insert(0, text < "5" ? "20" : "19");
  if (text.size() != digits + 1 || text.back() != 'Z' ||
      !std::all_of(text.begin(), text.begin() + digits,
                   [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  const auto two = [&](std::size_t at) { return 10 * (text[at] - '0') + text[at + 1] - '0'; };
  const std::chrono::year_month_day date{std::chrono::year(100 * two(0) + two(2)),
                                         std::chrono::month(static_cast<unsigned>(two(4))),
                                         std::chrono::day(static_cast<unsigned>(two(6)))};
  const bool one_form_only = utc_time || date.year() >= std::chrono::year(2050);
  if (!date.ok() || two(8) > 23 || two(10) > 59 || two(12) > 59 || !one_form_only) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(two(8)) + std::chrono::minutes(two(10)) +
         std::chrono::seconds(two(12));
}

Result<std::chrono::sys_seconds> take_time(ByteView& rest, std::string_view what) {
  const bool utc_time = !rest.empty() && rest.front() == der_utc_time;
  EXTREQ_TRY_ASSIGN(const auto element,
                    read_der(rest, utc_time ? der_utc_time : der_generalized_time, what));
  std::string text(element.content.begin(), element.content.end());
  if (const auto time = time_of(text, utc_time)) return *time;
  return fail(Code::invalid_input,
              "{} is the {} \"{}\", expected YYMMDDHHMMSSZ as UTCTime, from 2050 on "
              "YYYYMMDDHHMMSSZ as GeneralizedTime",
              what, utc_time ? "UTCTime" : "GeneralizedTime", printable(text));
}

// Section 4.1.2.2, without the zero byte that keeps the INTEGER positive. 0 is let through because
// AMD's leaves have it.
Result<Bytes> take_serial(ByteView& rest) {
  constexpr std::size_t size_max = 20;
  EXTREQ_TRY_ASSIGN(const auto serial,
                    read_der(rest, der_integer, "the certificate's serial number"));
  ByteView bytes = serial.content;
  const bool padded = bytes.size() > 1 && bytes[0] == 0;
  if (padded) bytes = bytes.subspan(1);
  if (bytes.empty() || bytes.size() > size_max || padded != (bytes[0] >= 0x80)) {
    return fail(Code::invalid_input,
                "the certificate's serial number is {}, expected a DER INTEGER that is not "
                "negative and has at most {} bytes",
                shown_der(serial.content), size_max);
  }
  return Bytes(bytes.begin(), bytes.end());
}

Status take_names_and_validity(ByteView& rest, ParsedCertificate& parsed) {
  constexpr std::string_view validity_name = "the certificate's validity";
  EXTREQ_TRY_ASSIGN(auto issuer, take_amd_name(rest, "the certificate's issuer"));
  EXTREQ_TRY_ASSIGN(auto validity, read_der(rest, der_sequence, validity_name));
  EXTREQ_TRY_ASSIGN(parsed.not_before, take_time(validity.content, "the certificate's notBefore"));
  EXTREQ_TRY_ASSIGN(parsed.not_after, take_time(validity.content, "the certificate's notAfter"));
  EXTREQ_TRY(check_der_end(validity.content, validity_name));
  EXTREQ_TRY_ASSIGN(auto subject, take_amd_name(rest, "the certificate's subject"));
  parsed.issuer_der = std::move(issuer.der);
  parsed.issuer = std::move(issuer.text);
  parsed.issuer_common_name = std::move(issuer.common_name);
  parsed.subject_der = std::move(subject.der);
  parsed.subject = std::move(subject.text);
  parsed.subject_common_name = std::move(subject.common_name);
  return {};
}

Status take_public_key(ByteView& rest, ParsedCertificate& parsed) {
  EXTREQ_TRY_ASSIGN(const auto info, read_der(rest, der_sequence, "the certificate's key"));
  constexpr auto& prefix = p384_public_key_prefix;
  if (info.whole.size() == prefix.size() + 2 * p384_size &&
      std::ranges::equal(info.whole.first<prefix.size()>(), prefix)) {
    const ByteView point = info.whole.subspan(prefix.size());
    EXTREQ_TRY_ASSIGN(parsed.p384_key, EcdsaP384PublicKey::from_coordinates(
                                           point.first<p384_size>(), point.last<p384_size>()));
    return {};
  }
  auto key = RsaPublicKey::from_der(info.whole);
  if (!key) {
    return fail(Code::invalid_input,
                "the certificate's key is not ECDSA P-384 as an uncompressed point; as RSA: {}",
                key.error().message);
  }
  parsed.rsa_key = *std::move(key);
  return {};
}

Status read_to_be_signed(ByteView rest, ByteView algorithm, ParsedCertificate& parsed) {
  constexpr std::array<std::uint8_t, 3> version_3 = {der_integer, 0x01, 0x02};
  EXTREQ_TRY_ASSIGN(const auto version, read_der(rest, der_context_0, "the certificate's version"));
  if (!std::ranges::equal(version.content, version_3)) {
    return fail(Code::invalid_input, "the certificate's version is {}, expected {} (version 3)",
                shown_der(version.content), to_hex(version_3));
  }
  EXTREQ_TRY_ASSIGN(parsed.serial, take_serial(rest));
  EXTREQ_TRY_ASSIGN(const auto inner,
                    read_der(rest, der_sequence, "the certificate's signed signatureAlgorithm"));
  // Section 4.1.1.2: the outer one is not signed.
  if (!std::ranges::equal(inner.whole, algorithm)) {
    return fail(Code::invalid_input,
                "the certificate's signatureAlgorithm differs from the one that is signed");
  }
  EXTREQ_TRY(take_names_and_validity(rest, parsed));
  EXTREQ_TRY(take_public_key(rest, parsed));
  if (rest.empty()) return {};
  constexpr std::string_view extensions_name = "the certificate's extensions";
  EXTREQ_TRY_ASSIGN(auto extensions, read_der(rest, der_context_3, extensions_name));
  EXTREQ_TRY(check_der_end(rest, "the certificate's signed part"));
  EXTREQ_TRY_ASSIGN(const auto list, read_der(extensions.content, der_sequence, extensions_name));
  EXTREQ_TRY(check_der_end(extensions.content, extensions_name));
  return read_extensions(list.content, parsed);
}

Status check_algorithm(const DerElement& algorithm) {
  if (std::ranges::equal(algorithm.whole, rsassa_pss_sha384) ||
      std::ranges::equal(algorithm.whole, rsassa_pss_sha384_with_trailer)) {
    return {};
  }
  ByteView parts = algorithm.content;
  const auto oid = take_strict_der(parts, der_oid);
  return fail(Code::invalid_input,
              "the certificate's signatureAlgorithm is {} with the parameters {}, expected {}",
              oid ? oid_text(oid->content).value_or("?") : "?", shown_der(parts),
              certificate_signature_algorithm);
}

}  // namespace

Result<ParsedCertificate> read_amd_certificate(ByteView der) {
  ByteView rest = der;
  EXTREQ_TRY_ASSIGN(auto whole, read_der(rest, der_sequence, certificate_name));
  EXTREQ_TRY(check_der_end(rest, certificate_name));
  EXTREQ_TRY_ASSIGN(const auto to_be_signed,
                    read_der(whole.content, der_sequence, "the certificate's signed part"));
  EXTREQ_TRY_ASSIGN(const auto algorithm,
                    read_der(whole.content, der_sequence, "the certificate's signatureAlgorithm"));
  EXTREQ_TRY_ASSIGN(const auto signature,
                    read_der(whole.content, der_bit_string, "the certificate's signature"));
  EXTREQ_TRY(check_der_end(whole.content, certificate_name));
  EXTREQ_TRY(check_algorithm(algorithm));
  if (signature.content.size() != 1 + rsa_4096_size || signature.content.front() != 0) {
    return fail(Code::invalid_input,
                "the certificate's signature is {}, expected a BIT STRING of {} whole bytes",
                shown_der(signature.content), rsa_4096_size);
  }
  ParsedCertificate parsed;
  EXTREQ_TRY(read_to_be_signed(to_be_signed.content, algorithm.whole, parsed));
  parsed.signature.assign(signature.content.begin() + 1, signature.content.end());
  parsed.to_be_signed.assign(to_be_signed.whole.begin(), to_be_signed.whole.end());
  parsed.der.assign(der.begin(), der.end());
  return parsed;
}

}  // namespace extreq::crypto
