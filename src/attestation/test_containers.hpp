// The containers of evidence.hpp, made here. For tests and for the seeds of fuzzers.
#pragma once

#include <string>

#include <fmt/format.h>

#include "abi/hcl.hpp"
#include "attestation/report.hpp"
#include "attestation/tcb.hpp"
#include "base/base64.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation::test {

inline Bytes joined(ByteView first, ByteView second) {
  return ByteBuilder().bytes(first).bytes(second).take();
}

// MSG_REPORT_RSP, and `behind` zero bytes.
inline Bytes make_response(ByteView report, std::size_t behind = 0, std::uint32_t status = 0) {
  abi::snp::ReportResponse head;
  head.status = status;
  head.report_size = static_cast<std::uint32_t>(report.size());
  ByteBuilder builder;
  builder.object(head.status).object(head.report_size).object(head.reserved);
  return builder.bytes(report).zeros(behind).take();
}

// The first 32 bytes of REPORT_DATA for these runtime data.
inline void bind_runtime_data(abi::snp::AttestationReport& report, ByteView runtime_data) {
  report.report_data = {};
  std::ranges::copy(crypto::sha256(runtime_data), report.report_data.begin());
}

inline Bytes make_hcl(ByteView report, ByteView runtime_data,
                      std::uint32_t report_type = abi::hcl::report_type_snp,
                      std::uint32_t hash_type = abi::hcl::hash_type_sha256) {
  abi::hcl::RuntimeDataHeader runtime;
  runtime.variable_data_size = static_cast<std::uint32_t>(runtime_data.size());
  runtime.data_size = static_cast<std::uint32_t>(sizeof(runtime) + runtime_data.size());
  runtime.version = 1;
  runtime.report_type = report_type;
  runtime.hash_type = hash_type;
  abi::hcl::Header header;
  header.signature = abi::hcl::signature;
  header.version = 1;
  header.report_size =
      static_cast<std::uint32_t>(sizeof(header) + report.size() + runtime.data_size);
  header.request_type = 2;
  return ByteBuilder().object(header).bytes(report).object(runtime).bytes(runtime_data).take();
}

// [1,2,3]
inline std::string numbers(ByteView bytes) {
  std::string text = "[";
  for (const std::uint8_t byte : bytes)
    text += fmt::format("{}{}", text.size() > 1 ? "," : "", byte);
  return text + "]";
}

inline std::string tcb_members(std::uint64_t value, TcbLayout layout) {
  const Tcb tcb = decode_tcb(value, layout);
  return fmt::format(R"({{"fmc":{},"bootloader":{},"tee":{},"snp":{},"microcode":{}}})",
                     tcb.fmc ? fmt::format("{}", *tcb.fmc) : "null", tcb.bootloader, tcb.tee,
                     tcb.snp, tcb.microcode);
}

inline std::string version_members(const abi::snp::FirmwareVersion& version) {
  return fmt::format(R"({{"major":{},"minor":{},"build":{}}})", version.major, version.minor,
                     version.build);
}

// As serde writes the `sev` crate's AttestationReport: what a version lacks is null.
inline std::string report_members(ByteView bytes, TcbLayout layout) {
  const auto report = *ByteReader(bytes).object<abi::snp::AttestationReport>();
  const bool cpuid = report.version >= abi::snp::report_version_cpuid;
  const bool vectors = report.version >= abi::snp::report_version_mitigation_vectors;
  const auto optional = [](bool there, std::uint64_t value) {
    return there ? fmt::format("{}", value) : std::string("null");
  };
  std::string text = "{";
  const auto add = [&](std::string_view key, const std::string& value) {
    text += fmt::format("{}\"{}\":{}", text.size() > 1 ? "," : "", key, value);
  };
  const auto add_number = [&](std::string_view key, std::uint64_t value) {
    add(key, fmt::format("{}", value));
  };
  add_number("version", report.version);
  add_number("guest_svn", report.guest_svn);
  add_number("policy", report.policy);
  add("family_id", numbers(report.family_id));
  add("image_id", numbers(report.image_id));
  add_number("vmpl", report.vmpl);
  add_number("sig_algo", report.signature_algo);
  add("current_tcb", tcb_members(report.current_tcb, layout));
  add_number("plat_info", report.platform_info);
  add_number("key_info", report.key_info);
  add("report_data", numbers(report.report_data));
  add("measurement", numbers(report.measurement));
  add("host_data", numbers(report.host_data));
  add("id_key_digest", numbers(report.id_key_digest));
  add("author_key_digest", numbers(report.author_key_digest));
  add("report_id", numbers(report.report_id));
  add("report_id_ma", numbers(report.report_id_ma));
  add("reported_tcb", tcb_members(report.reported_tcb, layout));
  add("cpuid_fam_id", optional(cpuid, report.cpuid_family));
  add("cpuid_mod_id", optional(cpuid, report.cpuid_model));
  add("cpuid_step", optional(cpuid, report.cpuid_stepping));
  add("chip_id", numbers(report.chip_id));
  add("committed_tcb", tcb_members(report.committed_tcb, layout));
  add("current", version_members(report.current_version));
  add("committed", version_members(report.committed_version));
  add("launch_tcb", tcb_members(report.launch_tcb, layout));
  add("launch_mit_vector", optional(vectors, report.launch_mit_vector));
  add("current_mit_vector", optional(vectors, report.current_mit_vector));
  add("signature", fmt::format(R"({{"r":{},"s":{}}})", numbers(report.signature.r),
                               numbers(report.signature.s)));
  return text + "}";
}

inline std::string quoted_base64(ByteView bytes) { return "\"" + to_base64(bytes) + "\""; }

}  // namespace extreq::attestation::test
