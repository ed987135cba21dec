#include <optional>
#include <span>

#include <fmt/format.h>

#include "attestation/policy.hpp"
#include "attestation/product.hpp"
#include "attestation/tcb.hpp"
#include "cli/describe.hpp"

namespace extreq::cli {
namespace {

namespace snp = abi::snp;
using attestation::Report;
using attestation::TcbLayout;

std::string hex(std::uint64_t value) { return fmt::format("{:#018x}", value); }

void add_bits(Document& document, std::uint64_t value, std::span<const attestation::NamedBit> bits,
              std::uint64_t known) {
  for (const attestation::NamedBit& bit : bits) {
    document[std::string(bit.name)] = (value & bit.mask) != 0;
    known |= bit.mask;
  }
  if ((value & ~known) != 0) document["unknown_bits"] = hex(value & ~known);
}

Document describe_policy(std::uint64_t policy) {
  Document document{
      {"value", hex(policy)},
      {"abi",
       fmt::format("{}.{}", (policy >> snp::policy::abi_major_shift) & snp::policy::abi_major_mask,
                   policy & snp::policy::abi_minor_mask)}};
  add_bits(
      document, policy, attestation::guest_policy_bits(),
      snp::policy::abi_minor_mask | snp::policy::abi_major_mask << snp::policy::abi_major_shift);
  return document;
}

Document describe_platform_info(std::uint64_t platform_info) {
  Document document{{"value", hex(platform_info)}};
  add_bits(document, platform_info, attestation::platform_info_bits(), 0);
  return document;
}

// The product decides the layout. A report of version 2 does not name it: both readings are given.
Document describe_tcb(std::uint64_t tcb_version, const std::optional<TcbLayout>& layout) {
  Document document{{"value", hex(tcb_version)}};
  if (layout) {
    const attestation::Tcb tcb = attestation::decode_tcb(tcb_version, *layout);
    for (const attestation::TcbField& field : attestation::tcb_fields(*layout)) {
      document[std::string(field.name)] = field.get(tcb);
    }
    return document;
  }
  document["on Milan and Genoa"] =
      attestation::to_text(attestation::decode_tcb(tcb_version, TcbLayout::milan));
  document["on Turin and Venice"] =
      attestation::to_text(attestation::decode_tcb(tcb_version, TcbLayout::turin));
  return document;
}

std::string version_text(const snp::FirmwareVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.build);
}

Document describe_cpuid(const std::optional<Report::Cpuid>& cpuid) {
  if (!cpuid) return nullptr;
  const auto product = attestation::product_from_cpuid(cpuid->family, cpuid->model);
  Document document{{"family", fmt::format("{:#04x}", cpuid->family)},
                    {"model", fmt::format("{:#04x}", cpuid->model)},
                    {"stepping", cpuid->stepping},
                    {"processor", attestation::code_name(cpuid->family, cpuid->model)},
                    {"product", nullptr}};
  if (product) document["product"] = attestation::kds_name(*product);
  return document;
}

std::optional<TcbLayout> layout_for(const Report& report) {
  const auto cpuid = report.cpuid();
  if (!cpuid) return std::nullopt;
  const auto product = attestation::product_from_cpuid(cpuid->family, cpuid->model);
  if (!product) return std::nullopt;
  return attestation::layout_of(*product);
}

Document describe_optional(const std::optional<std::uint64_t>& value) {
  return value ? Document(hex(*value)) : Document(nullptr);
}

Document describe_signature(const Report& report) {
  const auto signature = report.signature();
  if (!signature) return Document{{"malformed", signature.error().message}};
  return Document{{"r", to_hex(signature->r)}, {"s", to_hex(signature->s)}};
}

std::string signature_algorithm(std::uint32_t algorithm) {
  return algorithm == snp::signature_algo_ecdsa_p384_sha384
             ? "ECDSA P-384 with SHA-384"
             : fmt::format("unknown ({})", algorithm);
}

}  // namespace

Document describe(const Report& report) {
  const auto layout = layout_for(report);
  Document document{{"type", "report"},
                    {"version", report.version()},
                    {"version_is_known", report.version_is_known()},
                    {"guest_svn", report.guest_svn()},
                    {"policy", describe_policy(report.policy())},
                    {"family_id", to_hex(report.family_id())},
                    {"image_id", to_hex(report.image_id())},
                    {"vmpl", report.vmpl()},
                    {"asked_for_by_the_host", report.vmpl() == snp::vmpl_host},
                    {"signature_algo", signature_algorithm(report.signature_algo())},
                    {"current_tcb", describe_tcb(report.current_tcb(), layout)},
                    {"platform_info", describe_platform_info(report.platform_info())},
                    {"author_key_en", report.author_key_en()},
                    {"mask_chip_key", report.mask_chip_key()},
                    {"signing_key", attestation::to_text(report.signing_key())},
                    {"report_data", to_hex(report.report_data())},
                    {"measurement", to_hex(report.measurement())},
                    {"host_data", to_hex(report.host_data())},
                    {"id_key_digest", to_hex(report.id_key_digest())},
                    {"author_key_digest", to_hex(report.author_key_digest())},
                    {"report_id", to_hex(report.report_id())},
                    {"report_id_ma", to_hex(report.report_id_ma())},
                    {"reported_tcb", describe_tcb(report.reported_tcb(), layout)},
                    {"cpuid", describe_cpuid(report.cpuid())},
                    {"chip_id", to_hex(report.chip_id())},
                    {"chip_id_masked", report.chip_id_masked()},
                    {"committed_tcb", describe_tcb(report.committed_tcb(), layout)},
                    {"current_version", version_text(report.current_version())},
                    {"committed_version", version_text(report.committed_version())},
                    {"launch_tcb", describe_tcb(report.launch_tcb(), layout)},
                    {"launch_mit_vector", describe_optional(report.launch_mit_vector())},
                    {"current_mit_vector", describe_optional(report.current_mit_vector())},
                    {"signature", describe_signature(report)}};
  if (!report.version_is_known()) document["bytes"] = to_hex(report.bytes());
  return document;
}

}  // namespace extreq::cli
