// Tcb: a TCB_VERSION taken apart (document 56860, "TCB Version").
//
// The layout of the 64 bits follows the product, never the report's version. TCBs are compared
// component by component: there is no order between two of them, so there is no operator<.
// Threading: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attestation/product.hpp"

namespace extreq::attestation {

enum class TcbLayout : std::uint8_t {
  milan,  // Milan, Genoa
  turin,  // Turin, Venice: an FMC component first
};

[[nodiscard]] TcbLayout layout_of(Product product) noexcept;

struct Tcb {
  std::optional<std::uint8_t> fmc;  // in Turin's layout only
  std::uint8_t bootloader = 0;
  std::uint8_t tee = 0;
  std::uint8_t snp = 0;
  std::uint8_t microcode = 0;

  friend bool operator==(const Tcb&, const Tcb&) = default;
};

[[nodiscard]] TcbLayout layout_of(const Tcb& tcb) noexcept;

// Reserved bytes are ignored: see reserved_bits_zero.
[[nodiscard]] Tcb decode_tcb(std::uint64_t tcb_version, TcbLayout layout) noexcept;

// In Turin's layout if `tcb` has an FMC component, else in Milan's; reserved bytes are zero.
[[nodiscard]] std::uint64_t encode_tcb(const Tcb& tcb) noexcept;

[[nodiscard]] bool reserved_bits_zero(std::uint64_t tcb_version, TcbLayout layout) noexcept;

// Each component of `tcb` is at least that of `floor`. False if their layouts differ.
[[nodiscard]] bool all_components_at_least(const Tcb& tcb, const Tcb& floor) noexcept;

// "bootloader 2, TEE 0, SNP 5, microcode 68", with "FMC 1, " before it in Turin's layout.
[[nodiscard]] std::string to_text(const Tcb& tcb);

// One component: its names, and access to it. For loops over all of them.
struct TcbField {
  std::string_view name;           // "bootloader"
  std::string_view spl_oid;        // extension of VCEK and VLEK that holds it
  std::string_view kds_parameter;  // "blSPL"
  std::uint8_t (*get)(const Tcb& tcb) noexcept;
  void (*set)(Tcb& tcb, std::uint8_t value) noexcept;
};

// In the order of KDS's parameters: FMC first where there is one.
[[nodiscard]] std::span<const TcbField> tcb_fields(TcbLayout layout) noexcept;

}  // namespace extreq::attestation
