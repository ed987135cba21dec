#include "crypto/openssl_time.hpp"

#include <ctime>

#include "crypto/openssl.hpp"

namespace extreq::crypto {
namespace {

using UniqueTime = std::unique_ptr<ASN1_TIME, OwnedBy<&ASN1_TIME_free>>;

}  // namespace

Result<std::chrono::sys_seconds> read_time(const ASN1_TIME* time, std::string_view which) {
  std::tm parts{};
  const ByteView text = {ASN1_STRING_get0_data(time),
                         static_cast<std::size_t>(ASN1_STRING_length(time))};
  if (text.empty() || text.back() != 'Z' || ASN1_TIME_to_tm(time, &parts) != 1) {
    return fail(Code::invalid_input, "{} is not a time in UTC", which);
  }
  const std::chrono::year_month_day date{
      std::chrono::year(parts.tm_year + 1900),
      std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
      std::chrono::day(static_cast<unsigned>(parts.tm_mday))};
  return std::chrono::sys_days(date) + std::chrono::hours(parts.tm_hour) +
         std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec);
}

Result<Bytes> encode_time(std::chrono::sys_seconds time) {
  using std::chrono::sys_days;
  using std::chrono::year;
  const OpensslErrors errors;
  const bool has_four_digits =
      time >= sys_days(year(0) / 1 / 1) && time < sys_days(year(10000) / 1 / 1);
  const auto seconds = time.time_since_epoch().count();
  const UniqueTime encoded(
      has_four_digits ? ASN1_TIME_set(nullptr, static_cast<std::time_t>(seconds)) : nullptr);
  if (!encoded) {
    return fail(Code::invalid_input,
                "{} seconds since 1970 cannot be written in a certificate, whose years have four "
                "digits",
                seconds);
  }
  return encode(&i2d_ASN1_TIME, static_cast<const ASN1_TIME*>(encoded.get()));
}

}  // namespace extreq::crypto
