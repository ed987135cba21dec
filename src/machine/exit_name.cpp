#include "machine/exit_name.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "abi/ghcb.hpp"
#include "base/byte_reader.hpp"

namespace extreq::machine {
namespace {

namespace ghcb = abi::ghcb;

struct Named {
  std::uint64_t code;
  const char* name;
};
constexpr std::array requests{
    Named{ghcb::msr::info_sev_info_request, "SEV information"},
    Named{ghcb::msr::info_cpuid_request, "CPUID"},
    Named{ghcb::msr::info_register_gpa_request, "register GHCB"},
    Named{ghcb::msr::info_page_state_change_request, "page state change (MSR)"},
    Named{ghcb::msr::info_hypervisor_features_request, "hypervisor features"},
    Named{ghcb::msr::info_termination_request, "termination"},
};
constexpr std::array events{
    Named{ghcb::event::page_state_change, "page state change"},
    Named{ghcb::event::guest_request, "guest request"},
    Named{ghcb::event::extended_guest_request, "extended guest request"},
    Named{ghcb::event::ap_creation, "AP creation"},
    Named{ghcb::event::hypervisor_features, "hypervisor features"},
    Named{ghcb::event::termination_request, "termination"},
};

template <std::size_t count>
std::string name_in(const std::array<Named, count>& names, std::uint64_t code, const char* kind) {
  const auto* const found = std::find_if(names.begin(), names.end(),
                                         [code](const Named& one) { return one.code == code; });
  return found != names.end() ? found->name : fmt::format("{} {:#x}", kind, code);
}

std::optional<std::uint64_t> field(std::uint64_t gpa, const hypervisor::GuestMemory& memory) {
  std::array<std::uint8_t, 8> raw{};
  if (!memory.read(gpa, raw)) return std::nullopt;
  return *ByteReader(raw).u64();
}

}  // namespace

std::string exit_name(std::uint64_t ghcb_msr, const hypervisor::GuestMemory& memory) {
  const std::uint64_t info = ghcb_msr & ghcb::msr::info_mask;
  if (info != ghcb::msr::info_ghcb_gpa) return name_in(requests, info, "MSR request");
  const auto code = field(ghcb_msr + offsetof(abi::ghcb::Page, sw_exitcode), memory);
  return code ? name_in(events, *code, "event") : "GHCB that is not shared";
}

std::string exit_answer(std::uint64_t ghcb_msr, const hypervisor::GuestMemory& memory) {
  if ((ghcb_msr & ghcb::msr::info_mask) != ghcb::msr::info_ghcb_gpa) return {};
  const auto info1 = field(ghcb_msr + offsetof(abi::ghcb::Page, sw_exitinfo1), memory);
  const auto info2 = field(ghcb_msr + offsetof(abi::ghcb::Page, sw_exitinfo2), memory);
  if (!info1 || !info2) return {};
  return fmt::format("SW_EXITINFO1 {:#x}, SW_EXITINFO2 {:#x}", *info1, *info2);
}

}  // namespace extreq::machine
