#include "host/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string>

namespace extreq::host {
namespace {

// IMF-fixdate, and the two obsolete ones that a recipient must accept. The program never calls
// setlocale(), so the names of days and months are English.
constexpr std::array date_formats{"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                  "%a %b %e %H:%M:%S %Y"};
constexpr std::size_t longest_date = 64;
constexpr std::string_view digits = "0123456789";

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view value) {
  if (value.size() > longest_date) return std::nullopt;
  const std::string text(value);
  for (const char* const format : date_formats) {
    std::tm time{};
    const char* const end = ::strptime(text.c_str(), format, &time);
    if (end == text.c_str() + text.size()) {
      return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&time)));
    }
  }
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::chrono::sys_seconds now,
                                                      std::chrono::seconds longest) {
  value = trimmed(value);
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of(digits) == std::string_view::npos) {
    long long seconds = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (parsed.ec != std::errc()) return longest;  // more than 64 bits hold
    return std::min(std::chrono::seconds(seconds), longest);
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::clamp(*date - now, std::chrono::seconds(0), longest);
}

}  // namespace extreq::host
