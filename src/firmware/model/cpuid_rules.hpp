// What the model lets a hypervisor tell a guest about the processor: for the CPUID page and for
// MSG_CPUID_REQ (AMD 56860, chapter "CPUID Reporting").
//
// The rules that keep a guest's view of its processor true, and no table of every feature bit:
// functions of the standard and extended ranges only; XCR0_IN and XSS_IN with function 0xD alone;
// reserved fields zero; family, model and stepping are the processor's own.
// Threading: no state.
#pragma once

#include <cstdint>
#include <span>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

// Failure: invalid_input names function, field, value and rule.
[[nodiscard]] Status check_cpuid_function(const abi::snp::CpuidFunction& function,
                                          const CpuSignature& cpu);

// A CPUID page: COUNT functions, each as above, and zeros behind them.
[[nodiscard]] Status check_cpuid_page(std::span<const std::uint8_t, abi::snp::page_size> page,
                                      const CpuSignature& cpu);

}  // namespace extreq::firmware::model
