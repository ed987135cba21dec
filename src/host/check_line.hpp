// CheckLine: one thing that was looked at, for people and programs: what it is, whether that is
// well, and what to do if it is not.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace extreq::host {

enum class Verdict : std::uint8_t {
  fact,  // nothing to judge
  well,
  bad,  // `remedy` says what to do
};

struct CheckLine {
  std::string name;
  Verdict verdict = Verdict::fact;
  std::string value;
  std::string remedy;  // of a bad one only
};

using CheckLines = std::vector<CheckLine>;

[[nodiscard]] inline bool all_well(const CheckLines& lines) noexcept {
  return std::ranges::none_of(lines, [](const auto& line) { return line.verdict == Verdict::bad; });
}

}  // namespace extreq::host
