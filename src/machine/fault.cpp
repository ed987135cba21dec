#include "machine/fault.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/try.hpp"

namespace extreq::machine {
namespace {

struct Named {
  std::string_view name;
  FaultKind kind;
  bool has_value;
};
constexpr std::array names{
    Named{"busy", FaultKind::busy, false},
    Named{"large-table", FaultKind::large_table, true},
    Named{"no-certificates", FaultKind::no_certificates, false},
    Named{"tcb", FaultKind::tcb_change, false},
    Named{"status", FaultKind::status, true},
    Named{"flip-tag", FaultKind::flip_tag, false},
    Named{"replay", FaultKind::replay, false},
    Named{"slow", FaultKind::slow, true},
};
constexpr std::uint64_t value_max = 0xFFFFFFFF;
constexpr unsigned count_max = 1000000;
constexpr std::uint64_t pages_max = 4096;
constexpr std::chrono::milliseconds lasting_max = std::chrono::hours(24);
constexpr std::size_t steps_max = 1000000;
constexpr std::string_view no_fault = "pass";

// Decimal, or hexadecimal behind 0x.
std::optional<std::uint64_t> number(std::string_view text) {
  const bool hex = text.rfind("0x", 0) == 0;
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "40s" or "300ms".
std::optional<std::chrono::milliseconds> duration(std::string_view text) {
  const bool milliseconds = text.size() > 2 && text.substr(text.size() - 2) == "ms";
  if (!milliseconds && (text.empty() || text.back() != 's')) return std::nullopt;
  const auto value = number(text.substr(0, text.size() - (milliseconds ? 2 : 1)));
  if (!value || *value > value_max) return std::nullopt;
  return std::chrono::milliseconds(milliseconds ? *value : *value * 1000);
}

// Takes "*COUNT" or "@DURATION" off the end of `rest`.
Status take_extent(std::string_view text, std::string_view& rest, Fault& fault) {
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    const auto lasting = duration(rest.substr(at + 1));
    if (!lasting || lasting->count() == 0 || *lasting > lasting_max) {
      return fail(Code::invalid_input, "fault '{}': the duration must be like 40s or 300ms", text);
    }
    fault.lasting = *lasting;
    rest = rest.substr(0, at);
  } else if (const std::size_t star = rest.find('*'); star != std::string_view::npos) {
    const auto count = number(rest.substr(star + 1));
    if (!count || *count == 0 || *count > count_max) {
      return fail(Code::invalid_input, "fault '{}': the count must be 1 to {}", text, count_max);
    }
    fault.count = static_cast<unsigned>(*count);
    rest = rest.substr(0, star);
  }
  return {};
}

Result<std::vector<Fault>> parse_step(std::string_view line) {
  line = line.substr(0, line.find('#'));
  constexpr std::string_view blank = " \t\r";
  std::vector<Fault> faults;
  for (std::size_t at = line.find_first_not_of(blank); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(blank, at), line.size());
    if (const auto word = line.substr(at, end - at); word != no_fault) {
      EXTREQ_TRY_ASSIGN(const Fault fault, parse_fault(word));
      faults.push_back(fault);
    }
    at = line.find_first_not_of(blank, end);
  }
  return faults;
}

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  Fault fault;
  std::string_view rest = text;
  EXTREQ_TRY(take_extent(text, rest, fault));
  const std::size_t equals = rest.find('=');
  const std::string_view name = rest.substr(0, equals);
  const auto* const found = std::find_if(names.begin(), names.end(),
                                         [name](const Named& one) { return one.name == name; });
  if (found == names.end()) {
    std::string all;
    for (const auto& one : names) all += fmt::format("{}{}", all.empty() ? "" : ", ", one.name);
    return fail(Code::invalid_input, "fault '{}': not one of {}", text, all);
  }
  fault.kind = found->kind;
  if (found->has_value != (equals != std::string_view::npos)) {
    return fail(Code::invalid_input, "fault '{}': {} {}", text, name,
                found->has_value ? "needs a value" : "takes no value");
  }
  if (found->has_value) {
    const auto value = number(rest.substr(equals + 1));
    const std::uint64_t most = fault.kind == FaultKind::large_table ? pages_max : value_max;
    if (!value || *value == 0 || *value > most) {
      return fail(Code::invalid_input, "fault '{}': the value must be 1 to {}", text, most);
    }
    fault.value = *value;
  }
  return fault;
}

std::string to_text(const Fault& fault) {
  const auto* const named = std::find_if(
      names.begin(), names.end(), [&fault](const Named& one) { return one.kind == fault.kind; });
  std::string text(named->name);
  if (named->has_value) text += fmt::format("={:#x}", fault.value);
  if (fault.lasting.count() > 0) return text + fmt::format("@{}ms", fault.lasting.count());
  return fault.count == 1 ? text : text + fmt::format("*{}", fault.count);
}

Result<FaultSteps> parse_fault_steps(std::string_view text) {
  FaultSteps steps;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++line_number > steps_max) {
      return fail(Code::too_small, "fault script: more than {} lines", steps_max);
    }
    auto faults = parse_step(line);
    if (!faults) {
      return fail(faults.error().code, "line {}: {}", line_number, faults.error().message);
    }
    const bool said =
        line.substr(0, line.find('#')).find_first_not_of(" \t\r") != std::string_view::npos;
    if (said) steps.push_back(*std::move(faults));
  }
  return steps;
}

}  // namespace extreq::machine
