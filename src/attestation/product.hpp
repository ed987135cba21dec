// Product: which generation of processors a report or certificate is from. It decides the layout of
// a TCB, the roots, and the name under which AMD's key service knows the chip.
//
// Threading: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::attestation {

enum class Product : std::uint8_t { milan, genoa, turin, venice };

// "Milan", "Genoa", "Turin", "Venice": the name in KDS paths (document 57230) and in the common
// names of AMD's ARK, ASK and ASVK.
[[nodiscard]] std::string_view kds_name(Product product) noexcept;

// From CPUID function 1 (family and model with their extended parts added), as a report of version
// 3 and later carries them at 0x188. Bergamo and Siena are Genoa here, as they are for KDS.
// Failure: unsupported, naming family and model, for processors without a known key hierarchy.
[[nodiscard]] Result<Product> product_from_cpuid(std::uint8_t family, std::uint8_t model);

// From the product name of a VCEK or VLEK: alone ("Turin") or with a stepping behind it
// ("Milan-B0"). Bergamo and Siena are Genoa here too. Failure: unsupported, naming what was found.
[[nodiscard]] Result<Product> product_from_name(std::string_view name);

// What people call the processor: "Milan", "Genoa", "Bergamo or Siena", ... For text that people
// read; "unknown processor" where product_from_cpuid fails.
[[nodiscard]] std::string_view code_name(std::uint8_t family, std::uint8_t model) noexcept;

}  // namespace extreq::attestation
