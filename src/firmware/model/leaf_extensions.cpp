#include "firmware/model/leaf_extensions.hpp"

#include "abi/kds.hpp"
#include "base/byte_builder.hpp"

namespace extreq::firmware::model {
namespace {

namespace oid = abi::kds::oid;
using attestation::Product;
using attestation::Tcb;
using attestation::TcbLayout;
using Extensions = std::vector<crypto::CertificateExtension>;

constexpr std::uint8_t der_integer = 0x02;
constexpr std::uint8_t der_ia5_string = 0x16;

// SPLs are unsigned: from 0x80 on a zero byte goes before them.
Bytes integer(std::uint8_t value) {
  if (value >= 0x80) return {der_integer, 2, 0, value};
  return {der_integer, 1, value};
}

Bytes ia5_string(std::string_view text) {  // under 128 bytes: the short form of length
  return ByteBuilder()
      .u8(der_ia5_string)
      .u8(static_cast<std::uint8_t>(text.size()))
      .bytes(to_bytes(text))
      .take();
}

crypto::CertificateExtension extension(std::string_view name, Bytes content) {
  return {std::string(name), false, std::move(content)};
}

Extensions common(Product product, const Tcb& tcb, std::string_view product_name) {
  const bool turin = attestation::layout_of(product) == TcbLayout::turin;
  Extensions all{extension(oid::struct_version, integer(turin ? 1 : 0)),
                 extension(oid::product_name, ia5_string(product_name))};
  const auto spl = [&](std::string_view name, std::uint8_t value) {
    all.push_back(extension(name, integer(value)));
  };
  if (turin) {
    spl(oid::fmc_spl, tcb.fmc.value_or(0));
    spl(oid::bl_spl, tcb.bootloader);
    spl(oid::tee_spl, tcb.tee);
    spl(oid::snp_spl, tcb.snp);
  } else {
    spl(oid::bl_spl, tcb.bootloader);
    spl(oid::tee_spl, tcb.tee);
    spl(oid::spl4, 0);
  }
  spl(oid::spl5, 0);
  spl(oid::spl6, 0);
  spl(oid::spl7, 0);
  if (!turin) spl(oid::snp_spl, tcb.snp);
  spl(oid::ucode_spl, tcb.microcode);
  return all;
}

// With a stepping on the VCEKs of Milan and Genoa, without one elsewhere.
std::string_view vcek_product_name(Product product) {
  switch (product) {
    case Product::milan:
      return "Milan-B0";
    case Product::genoa:
      return "Genoa-B1";
    default:
      return attestation::kds_name(product);
  }
}

}  // namespace

Extensions vcek_extensions(Product product, const Tcb& tcb, const ChipId& chip_id) {
  Extensions all = common(product, tcb, vcek_product_name(product));
  const bool turin = attestation::layout_of(product) == TcbLayout::turin;
  const std::size_t size = turin ? abi::snp::chip_id_size_turin : chip_id.size();
  const ByteView hwid = ByteView(chip_id).first(size);
  all.push_back(extension(oid::hwid, Bytes(hwid.begin(), hwid.end())));
  return all;
}

Extensions vlek_extensions(Product product, const Tcb& tcb, std::string_view csp_id) {
  Extensions all = common(product, tcb, attestation::kds_name(product));
  all.push_back(extension(oid::csp_id, ia5_string(csp_id)));
  return all;
}

}  // namespace extreq::firmware::model
