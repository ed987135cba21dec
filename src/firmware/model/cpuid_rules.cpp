#include "firmware/model/cpuid_rules.hpp"

#include <algorithm>

#include "attestation/vcpu_type.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;

constexpr std::uint32_t standard_max = 0xFFFF;
constexpr std::uint32_t extended_base = 0x80000000;
constexpr std::uint32_t extended_max = extended_base | standard_max;
constexpr std::uint32_t signature_function = 1;
constexpr std::uint32_t extended_signature_function = 0x80000001;
constexpr std::uint32_t extended_state_function = 0xD;

}  // namespace

Status check_cpuid_function(const snp::CpuidFunction& function, const CpuSignature& cpu) {
  const std::uint32_t leaf = function.eax_in;
  if (leaf > standard_max && (leaf < extended_base || leaf > extended_max)) {
    return fail(Code::invalid_input,
                "CPUID function {:#x}: only the standard and the extended range are allowed", leaf);
  }
  if (function.reserved != 0) {
    return fail(Code::invalid_input, "CPUID function {:#x}: the reserved field is {:#x}, not zero",
                leaf, function.reserved.get());
  }
  if (leaf != extended_state_function && (function.xcr0_in != 0 || function.xss_in != 0)) {
    return fail(Code::invalid_input,
                "CPUID function {:#x}: XCR0_IN {:#x} and XSS_IN {:#x} belong to function 0xd alone",
                leaf, function.xcr0_in.get(), function.xss_in.get());
  }
  if (leaf == signature_function || leaf == extended_signature_function) {
    const std::uint32_t own = attestation::cpuid_signature(cpu.family, cpu.model, cpu.stepping);
    if (function.eax != own) {
      return fail(Code::invalid_input,
                  "CPUID function {:#x}: EAX is {:#x}, the processor's is {:#x}", leaf,
                  function.eax.get(), own);
    }
  }
  return {};
}

Status check_cpuid_page(std::span<const std::uint8_t, snp::page_size> page,
                        const CpuSignature& cpu) {
  ByteReader reader(page);
  const auto head = *reader.object<snp::CpuidRequestHead>();  // a page always holds it
  if (head.count > snp::cpuid_function_max) {
    return fail(Code::invalid_input, "CPUID page: COUNT is {}, at most {} is allowed",
                head.count.get(), snp::cpuid_function_max);
  }
  if (!all_zero(head.reserved)) {
    return fail(Code::invalid_input, "CPUID page: the reserved bytes at 4 are {}, not zero",
                to_hex(head.reserved));
  }
  for (std::uint32_t i = 0; i < head.count; ++i) {
    EXTREQ_TRY(check_cpuid_function(*reader.object<snp::CpuidFunction>(), cpu));
  }
  if (!all_zero(*reader.view(reader.remaining()))) {
    return fail(Code::invalid_input, "CPUID page: the bytes behind its {} functions are not zero",
                head.count.get());
  }
  return {};
}

}  // namespace extreq::firmware::model
