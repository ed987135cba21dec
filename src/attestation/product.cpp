#include "attestation/product.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/printable.hpp"

namespace extreq::attestation {
namespace {

struct CpuidRange {
  std::uint8_t family;
  std::uint8_t first_model;
  std::uint8_t last_model;
  Product product;
  std::string_view code_name;
};

constexpr std::array cpuid_ranges{
    CpuidRange{0x19, 0x00, 0x0F, Product::milan, "Milan"},
    CpuidRange{0x19, 0x10, 0x1F, Product::genoa, "Genoa"},
    CpuidRange{0x19, 0xA0, 0xAF, Product::genoa, "Bergamo or Siena"},
    CpuidRange{0x1A, 0x00, 0x11, Product::turin, "Turin"},
    CpuidRange{0x1A, 0x50, 0x57, Product::venice, "Venice"},
    CpuidRange{0x1A, 0x90, 0x9F, Product::venice, "Venice"},
    CpuidRange{0x1A, 0xA0, 0xAF, Product::venice, "Venice"},
    CpuidRange{0x1A, 0xC0, 0xC7, Product::venice, "Venice"},
};

struct Name {
  std::string_view name;
  Product product;
};

constexpr std::array names{
    Name{"Milan", Product::milan}, Name{"Genoa", Product::genoa}, Name{"Bergamo", Product::genoa},
    Name{"Siena", Product::genoa}, Name{"Turin", Product::turin}, Name{"Venice", Product::venice},
};

std::optional<CpuidRange> find_range(std::uint8_t family, std::uint8_t model) noexcept {
  const auto* const found = std::ranges::find_if(cpuid_ranges, [&](const CpuidRange& range) {
    return range.family == family && range.first_model <= model && model <= range.last_model;
  });
  if (found == cpuid_ranges.end()) return std::nullopt;
  return *found;
}

// "B0": a letter, then digits.
bool is_stepping(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= 3 && text[0] >= 'A' && text[0] <= 'Z' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string_view kds_name(Product product) noexcept {
  switch (product) {
    case Product::milan:
      return "Milan";
    case Product::genoa:
      return "Genoa";
    case Product::turin:
      return "Turin";
    case Product::venice:
      return "Venice";
  }
  return "unknown";
}

Result<Product> product_from_cpuid(std::uint8_t family, std::uint8_t model) {
  if (const auto range = find_range(family, model)) return range->product;
  return fail(Code::unsupported,
              "CPUID family {:#04x} model {:#04x} is no processor known here: families 0x19 and "
              "0x1a from Milan to Venice are",
              family, model);
}

Result<Product> product_from_name(std::string_view name) {
  for (const Name& known : names) {
    if (!name.starts_with(known.name)) continue;
    const std::string_view rest = name.substr(known.name.size());
    if (rest.empty() || (rest.front() == '-' && is_stepping(rest.substr(1)))) return known.product;
  }
  return fail(Code::unsupported,
              "product name \"{}\" is not Milan, Genoa, Bergamo, Siena, Turin or Venice, alone or "
              "with a stepping such as \"-B0\"",
              printable(name));
}

std::string_view code_name(std::uint8_t family, std::uint8_t model) noexcept {
  const auto range = find_range(family, model);
  return range ? range->code_name : "unknown processor";
}

}  // namespace extreq::attestation
