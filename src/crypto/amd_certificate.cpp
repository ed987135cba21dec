#include "crypto/amd_certificate.hpp"

#include <algorithm>

#include "crypto/amd_extensions.hpp"
#include "crypto/amd_name.hpp"
#include "crypto/der.hpp"
#include "crypto/pkey_name.hpp"
#include "crypto/x509_encodings.hpp"

namespace extreq::crypto {
namespace {

constexpr std::uint8_t der_utc_time = 0x17;
constexpr std::uint8_t der_generalized_time = 0x18;
constexpr std::size_t serial_max = 20;

// Two digits at `at`; 100 or more if they are none.
int two_digits(ByteView text, std::size_t at) noexcept {
  const int tens = text[at] - '0';
  const int ones = text[at + 1] - '0';
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return 100;
  return 10 * tens + ones;
}

// RFC 5280 section 4.1.2.5: YYMMDDHHMMSSZ for the years 1950 to 2049, YYYYMMDDHHMMSSZ.
std::optional<std::chrono::sys_seconds> take_time(ByteView& rest) noexcept {
  constexpr std::size_t utc_size = 13;
  constexpr std::size_t generalized_size = 15;
  int year = 0;
  ByteView text;
  if (const auto utc = take_strict_der(rest, der_utc_time);
      utc && utc->content.size() == utc_size) {
    const int in_century = two_digits(utc->content, 0);
    if (in_century > 99) return std::nullopt;
    year = in_century + (in_century < 50 ? 2000 : 1900);
    text = utc->content.subspan(2);
  } else if (const auto general = take_strict_der(rest, der_generalized_time);
             general && general->content.size() == generalized_size) {
    const int century = two_digits(general->content, 0);
    const int in_century = two_digits(general->content, 2);
    if (century > 99 || in_century > 99) return std::nullopt;
    year = 100 * century + in_century;
    text = general->content.subspan(4);
  } else {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(two_digits(text, 0))),
      std::chrono::day(static_cast<unsigned>(two_digits(text, 2)))};
  const int hour = two_digits(text, 4);
  const int minute = two_digits(text, 6);
  const int second = two_digits(text, 8);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59 || text.back() != 'Z') {
    return std::nullopt;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

// Section 4.1.2.2, without the zero byte that keeps the INTEGER positive.
bool take_serial(ByteView& rest, ParsedCertificate& parsed) {
  const auto serial = take_strict_der(rest, der_integer);
  if (!serial || serial->content.empty() || serial->content.front() >= 0x80) return false;
  ByteView bytes = serial->content;
  if (bytes.size() > 1 && bytes.front() == 0) {
    bytes = bytes.subspan(1);
    if (bytes.front() < 0x80) return false;  // no need for the zero: not DER
  }
  if (bytes.size() > serial_max) return false;
  parsed.serial.assign(bytes.begin(), bytes.end());
  return true;
}

bool take_names_and_validity(ByteView& rest, ParsedCertificate& parsed) {
  auto issuer = take_amd_name(rest);
  if (!issuer) return false;
  auto validity = take_strict_der(rest, der_sequence);
  if (!validity) return false;
  const auto not_before = take_time(validity->content);
  const auto not_after = take_time(validity->content);
  if (!not_before || !not_after || !validity->content.empty()) return false;
  auto subject = take_amd_name(rest);
  if (!subject) return false;
  parsed.not_before = *not_before;
  parsed.not_after = *not_after;
  parsed.issuer_der = std::move(issuer->der);
  parsed.issuer = std::move(issuer->text);
  parsed.issuer_common_name = std::move(issuer->common_name);
  parsed.subject_der = std::move(subject->der);
  parsed.subject = std::move(subject->text);
  parsed.subject_common_name = std::move(subject->common_name);
  return true;
}

bool take_public_key(ByteView& rest, ParsedCertificate& parsed) {
  const auto info = take_strict_der(rest, der_sequence);
  if (!info) return false;
  constexpr auto& prefix = p384_public_key_prefix;
  if (info->whole.size() == prefix.size() + 2 * p384_size &&
      std::ranges::equal(info->whole.first<prefix.size()>(), prefix)) {
    const ByteView point = info->whole.subspan(prefix.size());
    const auto key =
        EcdsaP384PublicKey::from_coordinates(point.first<p384_size>(), point.last<p384_size>());
    if (!key) return false;
    parsed.p384_key = *key;
    parsed.public_key_name = p384_name;
    return true;
  }
  parsed.rsa_key = RsaPublicKey::from_exact_der(info->whole);
  parsed.public_key_name = rsa_4096_name;
  return parsed.rsa_key.has_value();
}

bool read_to_be_signed(ByteView rest, ByteView algorithm, ParsedCertificate& parsed) {
  constexpr std::array<std::uint8_t, 5> version_3 = {der_context_0, 0x03, der_integer, 0x01, 0x02};
  if (rest.size() < version_3.size() ||
      !std::ranges::equal(rest.first<version_3.size()>(), version_3)) {
    return false;
  }
  rest = rest.subspan(version_3.size());
  if (!take_serial(rest, parsed)) return false;
  const auto inner = take_strict_der(rest, der_sequence);
  if (!inner || !std::ranges::equal(inner->whole, algorithm)) return false;
  if (!take_names_and_validity(rest, parsed) || !take_public_key(rest, parsed)) return false;
  auto extensions = take_strict_der(rest, der_context_3);
  if (!extensions || !rest.empty()) return false;
  const auto list = take_strict_der(extensions->content, der_sequence);
  return list && extensions->content.empty() && read_amd_extensions(list->content, parsed);
}

}  // namespace

std::optional<ParsedCertificate> read_amd_certificate(ByteView der) {
  ByteView rest = der;
  auto whole = take_strict_der(rest, der_sequence);
  if (!whole || !rest.empty()) return std::nullopt;
  const auto to_be_signed = take_strict_der(whole->content, der_sequence);
  const auto algorithm = take_strict_der(whole->content, der_sequence);
  const auto signature = take_strict_der(whole->content, der_bit_string);
  if (!to_be_signed || !algorithm || !signature || !whole->content.empty()) return std::nullopt;
  if (!std::ranges::equal(algorithm->whole, rsassa_pss_sha384) &&
      !std::ranges::equal(algorithm->whole, rsassa_pss_sha384_with_trailer)) {
    return std::nullopt;
  }
  if (signature->content.size() != 1 + rsa_4096_size || signature->content.front() != 0) {
    return std::nullopt;
  }
  ParsedCertificate parsed;
  if (!read_to_be_signed(to_be_signed->content, algorithm->whole, parsed)) return std::nullopt;
  parsed.signature_is_pss_sha384 = true;
  parsed.signature_algorithm = rsassa_pss_sha384_name;
  parsed.signature.assign(signature->content.begin() + 1, signature->content.end());
  parsed.to_be_signed.assign(to_be_signed->whole.begin(), to_be_signed->whole.end());
  parsed.der.assign(der.begin(), der.end());
  return parsed;
}

}  // namespace extreq::crypto
