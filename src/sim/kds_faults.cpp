#include "sim/kds_faults.hpp"

#include <array>
#include <charconv>
#include <utility>

#include "base/try.hpp"

namespace extreq::sim {
namespace {

using Kind = KdsFault::Kind;
using host::KdsObject;

constexpr std::array named_kinds{std::pair{std::string_view("truncated"), Kind::truncated},
                                 std::pair{std::string_view("garbage"), Kind::garbage},
                                 std::pair{std::string_view("wrong-chip"), Kind::wrong_chip},
                                 std::pair{std::string_view("wrong-tcb"), Kind::wrong_tcb},
                                 std::pair{std::string_view("expired"), Kind::expired},
                                 std::pair{std::string_view("other-root"), Kind::other_root},
                                 std::pair{std::string_view("older"), Kind::older},
                                 std::pair{std::string_view("huge"), Kind::huge}};
constexpr std::array named_objects{std::pair{std::string_view("leaf"), KdsObject::leaf},
                                   std::pair{std::string_view("chain"), KdsObject::cert_chain},
                                   std::pair{std::string_view("crl"), KdsObject::crl}};

// Cuts off the last `mark` and what stands behind it; nullopt if there is none.
std::optional<std::string_view> take_behind(std::string_view& text, char mark) {
  const auto at = text.rfind(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

Result<unsigned> parse_number(std::string_view text, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most) {
    return fail(Code::invalid_input, "\"{}\" is no number from 0 to {}", text, most);
  }
  return number;
}

template <class Names>
auto find_name(const Names& names, std::string_view text)
    -> std::optional<typename Names::value_type::second_type> {
  for (const auto& [name, value] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

Status parse_kind(std::string_view text, KdsFault& fault) {
  constexpr unsigned longest_delay = 3600;
  if (const auto kind = find_name(named_kinds, text)) {
    fault.kind = *kind;
    return {};
  }
  const auto colon = text.find(':');
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const std::string_view name = text.substr(0, colon);
  if (name == "slow") {
    fault.kind = Kind::slow;
    EXTREQ_TRY_ASSIGN(const unsigned seconds, parse_number(value, longest_delay));
    fault.delay = std::chrono::seconds(seconds);
    return {};
  }
  EXTREQ_TRY_ASSIGN(const unsigned status, parse_number(name, 599));
  if (status < 200) return fail(Code::invalid_input, "no HTTP status {}", status);
  fault.kind = Kind::status;
  fault.status = static_cast<int>(status);
  fault.retry_after = value;
  return {};
}

Status parse_parts(std::string_view text, KdsFault& fault) {
  constexpr unsigned most_times = 1'000'000;
  if (const auto object = take_behind(text, '@')) {
    fault.object = find_name(named_objects, *object);
    if (!fault.object)
      return fail(Code::invalid_input, "\"@{}\" is not @leaf, @chain or @crl", *object);
  }
  if (const auto times = take_behind(text, '*')) {
    EXTREQ_TRY_ASSIGN(fault.times, parse_number(*times, most_times));
  }
  return parse_kind(text, fault);
}

}  // namespace

Result<KdsFault> parse_kds_fault(std::string_view text) {
  KdsFault fault;
  const auto parsed = parse_parts(text, fault);
  if (parsed) return fault;
  return fail(Code::invalid_input, "fault \"{}\": {}", text, parsed.error().message);
}

void KdsFaults::add(const KdsFault& fault) {
  const std::lock_guard guard(mutex_);
  faults_.push_back(fault);
}

void KdsFaults::clear() {
  const std::lock_guard guard(mutex_);
  faults_.clear();
}

std::optional<KdsFault> KdsFaults::take(KdsObject object) {
  const std::lock_guard guard(mutex_);
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->object && *fault->object != object) continue;
    KdsFault taken = *fault;
    if (fault->times != 0 && --fault->times == 0) faults_.erase(fault);
    return taken;
  }
  return std::nullopt;
}

}  // namespace extreq::sim
