#include "machine/cpuid_page.hpp"

#include <array>

#include "abi/snp_firmware.hpp"
#include "abi/x86_snp.hpp"
#include "attestation/vcpu_type.hpp"
#include "base/byte_builder.hpp"
#include "machine/launch_plan.hpp"

namespace extreq::machine {
namespace {

namespace snp = abi::snp;
namespace x86 = abi::x86;

constexpr std::uint32_t max_basic = 0xD;
constexpr std::uint32_t max_extended = 0x80000021;
constexpr std::uint32_t address_sizes = 0x3028;  // 48 bits virtual, 40 bits physical
constexpr std::uint32_t features_ecx = 0xFED83203;
constexpr std::uint32_t features_edx = 0x178BFBFF;
constexpr std::uint32_t clflush_size = 0x00000800;

// "AuthenticAMD" in the order EBX, EDX, ECX.
constexpr std::uint32_t vendor_ebx = 0x68747541;
constexpr std::uint32_t vendor_edx = 0x69746E65;
constexpr std::uint32_t vendor_ecx = 0x444D4163;

snp::CpuidFunction leaf(std::uint32_t eax_in, std::uint32_t eax, std::uint32_t ebx,
                        std::uint32_t ecx, std::uint32_t edx) noexcept {
  snp::CpuidFunction function;
  function.eax_in = eax_in;
  function.eax = eax;
  function.ebx = ebx;
  function.ecx = ecx;
  function.edx = edx;
  return function;
}

}  // namespace

EncryptionLeaf encryption_leaf() noexcept {
  return {x86::cpuid_encryption_eax_sev | x86::cpuid_encryption_eax_sev_es |
              x86::cpuid_encryption_eax_snp,
          c_bit | 1U << x86::cpuid_encryption_ebx_reduction_shift, 0, 0};
}

Bytes make_cpuid_page(const firmware::CpuSignature& cpu) {
  const EncryptionLeaf encryption = encryption_leaf();
  const std::array functions{
      leaf(0, max_basic, vendor_ebx, vendor_ecx, vendor_edx),
      leaf(1, attestation::cpuid_signature(cpu.family, cpu.model, cpu.stepping), clflush_size,
           features_ecx, features_edx),
      leaf(0x80000000, max_extended, vendor_ebx, vendor_ecx, vendor_edx),
      leaf(0x80000008, address_sizes, 0, 0, 0),
      leaf(x86::cpuid_encryption, encryption.eax, encryption.ebx, encryption.ecx, encryption.edx),
  };
  snp::CpuidRequestHead head;
  head.count = static_cast<std::uint32_t>(functions.size());
  ByteBuilder page(snp::page_size);
  page.object(head);
  for (const auto& function : functions) page.object(function);
  page.zeros(snp::page_size - page.size());
  return page.take();
}

}  // namespace extreq::machine
