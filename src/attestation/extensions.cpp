#include "attestation/extensions.hpp"

#include <algorithm>

#include "abi/kds.hpp"
#include "abi/snp_firmware.hpp"
#include "base/try.hpp"
#include "crypto/der.hpp"

namespace extreq::attestation {
namespace {

namespace oid = abi::kds::oid;

constexpr std::size_t name_max = 0x7F;

constexpr std::size_t chip_id_size = sizeof(abi::snp::AttestationReport::chip_id);

// The content of one element with that identifier, and nothing behind it.
std::optional<ByteView> sole_element(std::uint8_t identifier, ByteView bytes) {
  const auto element = crypto::take_strict_der(bytes, identifier);
  if (!element || !bytes.empty()) return std::nullopt;
  return element->content;
}

bool is_hwid_size(std::size_t size) noexcept {
  return size == chip_id_size || size == abi::snp::chip_id_size_turin;
}

std::size_t hwid_size_of(Product product) noexcept {
  return layout_of(product) == TcbLayout::turin ? abi::snp::chip_id_size_turin : chip_id_size;
}

template <class Value>
Result<std::optional<Value>> read_optional(const crypto::Certificate& certificate,
                                           std::string_view dotted_oid, std::string_view name,
                                           Result<Value> (*parse)(ByteView)) {
  EXTREQ_TRY_ASSIGN(const auto content, certificate.extension(dotted_oid));
  if (!content) return std::optional<Value>();
  auto value = parse(*content);
  if (!value) {
    return fail(Code::invalid_input, "extension {} ({}): {}", name, dotted_oid,
                value.error().message);
  }
  return std::optional<Value>(*std::move(value));
}

template <class Value>
Result<Value> read_required(const crypto::Certificate& certificate, std::string_view dotted_oid,
                            std::string_view name, Result<Value> (*parse)(ByteView)) {
  EXTREQ_TRY_ASSIGN(auto value, read_optional<Value>(certificate, dotted_oid, name, parse));
  if (!value) return fail(Code::invalid_input, "extension {} ({}) is missing", name, dotted_oid);
  return *std::move(value);
}

Result<Tcb> read_tcb(const crypto::Certificate& certificate, TcbLayout layout) {
  Tcb tcb;
  for (const TcbField& field : tcb_fields(layout)) {
    EXTREQ_TRY_ASSIGN(
        const std::uint8_t spl,
        read_required<std::uint8_t>(certificate, field.spl_oid, field.kds_parameter, &parse_spl));
    field.set(tcb, spl);
  }
  if (layout == TcbLayout::milan) {
    EXTREQ_TRY_ASSIGN(const auto fmc, certificate.extension(oid::fmc_spl));
    if (fmc) {
      return fail(Code::invalid_input, "extension {} ({}) is there, and Milan and Genoa have none",
                  abi::kds::parameter_fmc_spl, oid::fmc_spl);
    }
  }
  return tcb;
}

}  // namespace

Result<Extensions> read_extensions(const crypto::Certificate& certificate) {
  Extensions extensions;
  EXTREQ_TRY_ASSIGN(
      extensions.struct_version,
      read_optional<std::uint8_t>(certificate, oid::struct_version, "structVersion", &parse_spl));
  EXTREQ_TRY_ASSIGN(
      extensions.product_name,
      read_required<std::string>(certificate, oid::product_name, "productName", &parse_name));
  EXTREQ_TRY_ASSIGN(extensions.product, product_from_name(extensions.product_name));
  EXTREQ_TRY_ASSIGN(extensions.tcb, read_tcb(certificate, layout_of(extensions.product)));
  EXTREQ_TRY_ASSIGN(extensions.hwid,
                    read_optional<Bytes>(certificate, oid::hwid, "hwID", &parse_hwid));
  EXTREQ_TRY_ASSIGN(extensions.csp_id,
                    read_optional<std::string>(certificate, oid::csp_id, "cspID", &parse_name));
  if (extensions.hwid && extensions.hwid->size() != hwid_size_of(extensions.product)) {
    return fail(Code::invalid_input, "extension hwID ({}) has {} bytes, a {} has {}", oid::hwid,
                extensions.hwid->size(), kds_name(extensions.product),
                hwid_size_of(extensions.product));
  }
  return extensions;
}

Result<std::uint8_t> parse_spl(ByteView content) {
  // A byte with its upper bit set takes a zero before it: the INTEGER would be negative.
  if (const auto value = sole_element(crypto::der_integer, content)) {
    if (value->size() == 1 && value->front() < 0x80) return value->front();
    if (value->size() == 2 && value->front() == 0 && value->back() >= 0x80) return value->back();
  }
  return fail(Code::invalid_input, "{} is not a DER INTEGER from 0 to 255",
              crypto::shown_der(content));
}

Result<Bytes> parse_hwid(ByteView content) {
  // No ambiguity: with identifier and length, the sizes are 66 and 10.
  const ByteView value = is_hwid_size(content.size())
                             ? content
                             : sole_element(crypto::der_octet_string, content).value_or(ByteView());
  if (is_hwid_size(value.size())) return Bytes(value.begin(), value.end());
  return fail(Code::invalid_input, "{} is neither {} or {} bytes nor an OCTET STRING of them",
              crypto::shown_der(content), chip_id_size, abi::snp::chip_id_size_turin);
}

Result<std::string> parse_name(ByteView content) {
  const auto value = sole_element(crypto::der_ia5_string, content);
  if (value && !value->empty() && value->size() <= name_max &&
      std::ranges::all_of(*value, [](std::uint8_t c) { return c >= ' ' && c <= '~'; })) {
    return std::string(value->begin(), value->end());
  }
  return fail(Code::invalid_input, "{} is not a DER IA5String of 1 to {} printable characters",
              crypto::shown_der(content), name_max);
}

}  // namespace extreq::attestation
