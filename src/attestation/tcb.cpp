#include "attestation/tcb.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "abi/kds.hpp"
#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"

namespace extreq::attestation {
namespace {

namespace kds = abi::kds;

template <std::uint8_t Tcb::*member>
constexpr TcbField field_of(std::string_view name, std::string_view oid,
                            std::string_view parameter) {
  return {name, oid, parameter, [](const Tcb& tcb) noexcept { return tcb.*member; },
          [](Tcb& tcb, std::uint8_t value) noexcept { tcb.*member = value; }};
}

constexpr std::array turin_fields{
    TcbField{"FMC", kds::oid::fmc_spl, kds::parameter_fmc_spl,
             [](const Tcb& tcb) noexcept { return tcb.fmc.value_or(std::uint8_t{0}); },
             [](Tcb& tcb, std::uint8_t value) noexcept { tcb.fmc = value; }},
    field_of<&Tcb::bootloader>("bootloader", kds::oid::bl_spl, kds::parameter_bl_spl),
    field_of<&Tcb::tee>("TEE", kds::oid::tee_spl, kds::parameter_tee_spl),
    field_of<&Tcb::snp>("SNP", kds::oid::snp_spl, kds::parameter_snp_spl),
    field_of<&Tcb::microcode>("microcode", kds::oid::ucode_spl, kds::parameter_ucode_spl),
};

// Eight bytes of the wire either way: the layouts of src/abi have alignment 1 and no padding.
template <class Layout>
Layout as(std::uint64_t tcb_version) noexcept {
  return std::bit_cast<Layout>(abi::Le64(tcb_version));
}

template <class Layout>
std::uint64_t as_u64(const Layout& layout) noexcept {
  return std::bit_cast<abi::Le64>(layout);
}

}  // namespace

TcbLayout layout_of(Product product) noexcept {
  return product == Product::milan || product == Product::genoa ? TcbLayout::milan
                                                                : TcbLayout::turin;
}

TcbLayout layout_of(const Tcb& tcb) noexcept {
  return tcb.fmc ? TcbLayout::turin : TcbLayout::milan;
}

Tcb decode_tcb(std::uint64_t tcb_version, TcbLayout layout) noexcept {
  if (layout == TcbLayout::milan) {
    const auto bytes = as<abi::snp::TcbMilan>(tcb_version);
    return {std::nullopt, bytes.bootloader, bytes.tee, bytes.snp, bytes.microcode};
  }
  const auto bytes = as<abi::snp::TcbTurin>(tcb_version);
  return {bytes.fmc, bytes.bootloader, bytes.tee, bytes.snp, bytes.microcode};
}

std::uint64_t encode_tcb(const Tcb& tcb) noexcept {
  if (!tcb.fmc) {
    abi::snp::TcbMilan bytes;
    bytes.bootloader = tcb.bootloader;
    bytes.tee = tcb.tee;
    bytes.snp = tcb.snp;
    bytes.microcode = tcb.microcode;
    return as_u64(bytes);
  }
  abi::snp::TcbTurin bytes;
  bytes.fmc = *tcb.fmc;
  bytes.bootloader = tcb.bootloader;
  bytes.tee = tcb.tee;
  bytes.snp = tcb.snp;
  bytes.microcode = tcb.microcode;
  return as_u64(bytes);
}

bool reserved_bits_zero(std::uint64_t tcb_version, TcbLayout layout) noexcept {
  return encode_tcb(decode_tcb(tcb_version, layout)) == tcb_version;
}

bool all_components_at_least(const Tcb& tcb, const Tcb& floor) noexcept {
  return layout_of(tcb) == layout_of(floor) &&
         std::ranges::all_of(tcb_fields(layout_of(floor)), [&](const TcbField& field) {
           return field.get(tcb) >= field.get(floor);
         });
}

std::string to_text(const Tcb& tcb) {
  std::string text;
  for (const TcbField& field : tcb_fields(layout_of(tcb))) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", field.name, field.get(tcb));
  }
  return text;
}

std::span<const TcbField> tcb_fields(TcbLayout layout) noexcept {
  const std::span<const TcbField> all = turin_fields;
  return layout == TcbLayout::turin ? all : all.subspan(1);
}

}  // namespace extreq::attestation
