#include "attestation/time_text.hpp"

#include <fmt/format.h>

#include "base/printable.hpp"

namespace extreq::attestation {
namespace {

namespace chrono = std::chrono;

// A cursor over the text. Once something did not fit, `good` is false and stays it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  // Exactly `digits` digits.
  unsigned number(std::size_t digits) {
    unsigned value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        good_ = false;
        return 0;
      }
      value = value * 10 + static_cast<unsigned>(rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  // One of `choices`; the one found, or 0.
  char one_of(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) {
      good_ = false;
      return 0;
    }
    const char found = rest_.front();
    rest_.remove_prefix(1);
    return found;
  }

  void skip_fraction() {
    if (!rest_.starts_with('.')) return;
    rest_.remove_prefix(1);
    const std::size_t digits = rest_.find_first_not_of("0123456789");
    if (digits == 0 || digits == std::string_view::npos) {
      good_ = false;
      return;
    }
    rest_.remove_prefix(digits);
  }

  [[nodiscard]] bool good_at_end() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::string to_rfc3339(chrono::sys_seconds time) {
  const auto day = chrono::floor<chrono::days>(time);
  const chrono::year_month_day date(day);
  const chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<chrono::sys_seconds> from_rfc3339(std::string_view text) {
  Scanner scanner(text);
  const auto year = static_cast<int>(scanner.number(4));
  scanner.one_of("-");
  const unsigned month = scanner.number(2);
  scanner.one_of("-");
  const unsigned day = scanner.number(2);
  scanner.one_of("Tt");
  const unsigned hour = scanner.number(2);
  scanner.one_of(":");
  const unsigned minute = scanner.number(2);
  scanner.one_of(":");
  const unsigned second = scanner.number(2);
  scanner.skip_fraction();
  const char zone = scanner.one_of("Zz+-");
  unsigned offset_hours = 0;
  unsigned offset_minutes = 0;
  if (zone == '+' || zone == '-') {
    offset_hours = scanner.number(2);
    scanner.one_of(":");
    offset_minutes = scanner.number(2);
  }
  const chrono::year_month_day date{chrono::year(year), chrono::month(month), chrono::day(day)};
  if (!scanner.good_at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59 ||
      offset_hours > 23 || offset_minutes > 59) {
    return fail(Code::invalid_input,
                "\"{}\" is not a time as RFC 3339 writes it, such as 2026-01-31T12:00:00Z",
                printable(text));
  }
  const chrono::minutes offset = chrono::hours(offset_hours) + chrono::minutes(offset_minutes);
  return chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute) +
         chrono::seconds(second) + (zone == '-' ? offset : -offset);
}

}  // namespace extreq::attestation
