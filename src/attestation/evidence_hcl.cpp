#include "abi/hcl.hpp"
#include "attestation/evidence_formats.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

namespace hcl = abi::hcl;

Status check_kind(const hcl::RuntimeDataHeader& header) {
  const std::uint32_t type = header.report_type;
  if (type != hcl::report_type_snp) {
    return fail(Code::unsupported, "HCL report: a report of type {}{} found, of SNP ({}) wanted",
                type, type == hcl::report_type_tdx ? " (TDX)" : "", hcl::report_type_snp);
  }
  const std::uint32_t hash = header.hash_type;
  if (hash != hcl::hash_type_sha256) {
    return fail(Code::unsupported, "HCL report: digest of type {} found, SHA-256 ({}) wanted", hash,
                hcl::hash_type_sha256);
  }
  return {};
}

}  // namespace

bool begins_like_hcl(ByteView bytes) noexcept { return ByteReader(bytes).u32() == hcl::signature; }

Result<Evidence> parse_hcl(ByteView bytes) {
  ByteReader reader(bytes);
  const auto container = reader.object<hcl::SnpContainer>();
  if (!container) {
    return fail(Code::invalid_input, "HCL report: {:#x} bytes found, {:#x} or more wanted",
                bytes.size(), sizeof(hcl::SnpContainer));
  }
  if (container->header.signature != hcl::signature) {
    return fail(Code::invalid_input, "HCL report: it begins with {}, \"HCLA\" wanted",
                to_hex(bytes.first(sizeof(hcl::signature))));
  }
  EXTREQ_TRY(check_kind(container->runtime_header));
  const std::size_t size = container->runtime_header.variable_data_size;
  const auto runtime_data = reader.view(size);
  if (!runtime_data) {
    return fail(Code::invalid_input,
                "HCL report: runtime data of {:#x} bytes are announced, {:#x} are there", size,
                reader.remaining());
  }
  EXTREQ_TRY_ASSIGN(const auto report, Report::parse(bytes.subspan(
                                           offsetof(hcl::SnpContainer, report), Report::size)));
  return Evidence{EvidenceFormat::hcl, report, std::nullopt,
                  Bytes(runtime_data->begin(), runtime_data->end())};
}

}  // namespace extreq::attestation
