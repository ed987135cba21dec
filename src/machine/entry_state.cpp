#include "machine/entry_state.hpp"

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;

constexpr std::uint16_t code_selector = 0x08;
constexpr std::uint16_t data_selector = 0x10;
constexpr std::uint32_t flat_limit = 0xFFFFFFFF;
constexpr std::uint32_t mxcsr_reset = 0x1F80;
constexpr std::uint16_t fcw_reset = 0x37F;

}  // namespace

x86::Vmsa make_vmsa(const EntryState& entry) {
  x86::Vmsa vmsa;
  const x86::Segment data{data_selector, x86::attrib_data_32, flat_limit, std::uint64_t{0}};
  vmsa.cs = {code_selector, x86::attrib_code_64, flat_limit, std::uint64_t{0}};
  vmsa.ds = vmsa.es = vmsa.ss = vmsa.fs = vmsa.gs = data;
  vmsa.tr.attrib = x86::attrib_tss_busy;
  vmsa.ldtr.attrib = x86::attrib_ldt;
  vmsa.efer = x86::efer_lme | x86::efer_lma | x86::efer_nxe | x86::efer_svme;
  vmsa.cr4 = x86::cr4_pae | x86::cr4_osfxsr | x86::cr4_osxmmexcpt;
  vmsa.cr3 = entry.cr3;
  vmsa.cr0 = x86::cr0_pg | x86::cr0_et | x86::cr0_pe;
  vmsa.dr6 = x86::dr6_reset;
  vmsa.dr7 = x86::dr7_reset;
  vmsa.rflags = x86::rflags_reserved_one;
  vmsa.rip = entry.rip;
  vmsa.rsi = entry.rsi;
  vmsa.g_pat = x86::pat_reset;
  vmsa.sev_features = x86::sev_features_snp_active;
  vmsa.xcr0 = 1U;
  vmsa.mxcsr = mxcsr_reset;
  vmsa.x87_fcw = fcw_reset;
  return vmsa;
}

}  // namespace extreq::machine
