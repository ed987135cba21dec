#include "attestation/vcpu_type.hpp"

#include <algorithm>
#include <array>

namespace extreq::attestation {
namespace {

struct VcpuType {
  std::string_view name;  // without a version
  unsigned family;
  unsigned model;
  unsigned stepping;
  unsigned versions;  // "-v1" up to this one
};

// QEMU, target/i386/cpu.c. EPYC-IBPB is a name for EPYC-v2.
constexpr std::array vcpu_types{
    VcpuType{"EPYC", 23, 1, 2, 5},        VcpuType{"EPYC-IBPB", 23, 1, 2, 0},
    VcpuType{"EPYC-Rome", 23, 49, 0, 5},  VcpuType{"EPYC-Milan", 25, 1, 1, 3},
    VcpuType{"EPYC-Genoa", 25, 17, 0, 2}, VcpuType{"EPYC-Turin", 26, 0, 0, 1},
};

bool has_name(const VcpuType& type, std::string_view name) noexcept {
  if (name == type.name) return true;
  if (!name.starts_with(type.name)) return false;
  const std::string_view version = name.substr(type.name.size());
  return version.size() == 3 && version.starts_with("-v") && version[2] >= '1' &&
         static_cast<unsigned>(version[2] - '0') <= type.versions;
}

}  // namespace

std::uint32_t cpuid_signature(unsigned family, unsigned model, unsigned stepping) noexcept {
  constexpr unsigned base_family_max = 0xF;
  const unsigned base_family = std::min(family, base_family_max);
  const unsigned extended_family = (family - base_family) & 0xFFU;
  return extended_family << 20U | (model >> 4U & 0xFU) << 16U | base_family << 8U |
         (model & 0xFU) << 4U | (stepping & 0xFU);
}

Result<std::uint32_t> cpuid_signature_of(std::string_view vcpu_type) {
  for (const VcpuType& type : vcpu_types) {
    if (has_name(type, vcpu_type)) return cpuid_signature(type.family, type.model, type.stepping);
  }
  std::string known;
  for (const VcpuType& type : vcpu_types) {
    known.append(known.empty() ? "" : ", ").append(type.name);
  }
  return fail(Code::not_found,
              "no vCPU type \"{}\"; known are {}, with and without a version (-v1)", vcpu_type,
              known);
}

}  // namespace extreq::attestation
