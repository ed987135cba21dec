#include "host/tcb_text.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>

#include "base/try.hpp"

namespace extreq::host {
namespace {

constexpr std::string_view spl = "SPL";
constexpr std::string_view hexadecimal = "0x";
constexpr int base16 = 16;
constexpr int base10 = 10;

// "bl" of "blSPL": AMD's own short names.
std::string_view short_name(const attestation::TcbField& field) {
  return field.kds_parameter.substr(0, field.kds_parameter.size() - spl.size());
}

template <class Number>
Result<Number> parse_number(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return fail(Code::invalid_input, "TCB: \"{}\" is no number from 0 to {}", text,
              std::numeric_limits<Number>::max());
}

std::string wanted_form(std::span<const attestation::TcbField> fields) {
  std::string form;
  for (const auto& field : fields) {
    if (!form.empty()) form += ',';
    form += std::string(short_name(field)) + "=N";
  }
  return form;
}

}  // namespace

Result<attestation::Tcb> parse_tcb(std::string_view text, attestation::Product product) {
  const auto layout = attestation::layout_of(product);
  if (text.starts_with(hexadecimal)) {
    EXTREQ_TRY_ASSIGN(const auto version,
                      parse_number<std::uint64_t>(text.substr(hexadecimal.size()), base16));
    if (attestation::reserved_bits_zero(version, layout)) {
      return attestation::decode_tcb(version, layout);
    }
    return fail(Code::invalid_input, "TCB {}: a byte is set that is reserved in {}'s layout", text,
                attestation::kds_name(product));
  }
  const auto fields = attestation::tcb_fields(layout);
  std::set<std::string_view> seen;
  attestation::Tcb tcb;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const std::string_view name = part.substr(0, part.find('='));
    const auto field = std::ranges::find_if(
        fields, [&](const auto& candidate) { return short_name(candidate) == name; });
    if (field == fields.end() || name.size() == part.size()) {
      return fail(Code::invalid_input, "TCB: \"{}\": for {} it is written {}", part,
                  attestation::kds_name(product), wanted_form(fields));
    }
    EXTREQ_TRY_ASSIGN(const auto value,
                      parse_number<std::uint8_t>(part.substr(name.size() + 1), base10));
    field->set(tcb, value);
    if (!seen.insert(name).second) {
      return fail(Code::invalid_input, "TCB: {} stands there twice", name);
    }
  }
  if (seen.size() == fields.size()) return tcb;
  return fail(Code::invalid_input, "TCB \"{}\": for {} it is written {}", text,
              attestation::kds_name(product), wanted_form(fields));
}

}  // namespace extreq::host
