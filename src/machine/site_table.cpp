#include "machine/site_table.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "abi/ghcb.hpp"
#include "abi/x86_snp.hpp"

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;

// Compilers put a few instructions between loading the number and using it.
constexpr std::size_t gap_max = 24;

struct Pattern {
  std::array<std::uint8_t, 5> head{};  // mov $number, %eax or %ecx
  ByteView instruction;
  SiteKind kind;
};

std::array<std::uint8_t, 5> mov_imm32(std::uint8_t opcode, std::uint32_t value) noexcept {
  return {opcode, static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
          static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)};
}

bool matches(ByteView code, std::size_t at, ByteView bytes) noexcept {
  return at <= code.size() && code.size() - at >= bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), code.begin() + static_cast<std::ptrdiff_t>(at));
}

// Calls found(offset) for each occurrence, in order.
void each_match(ByteView code, ByteView bytes, const std::function<void(std::size_t)>& found) {
  const std::boyer_moore_horspool_searcher searcher(bytes.begin(), bytes.end());
  auto at = code.begin();
  while (true) {
    at = std::search(at, code.end(), searcher);
    if (at == code.end()) return;
    found(static_cast<std::size_t>(at - code.begin()));
    ++at;
  }
}

class Scanner {
 public:
  Scanner(ByteView code, std::uint64_t virtual_address, std::uint64_t physical_address,
          std::vector<Site>& sites) noexcept
      : code_(code), virtual_(virtual_address), physical_(physical_address), sites_(sites) {}

  void scan() {
    each_match(code_, x86::op_vmgexit, [this](std::size_t at) {
      const bool answer_read = matches(code_, at + x86::op_vmgexit.size(), x86::op_rdmsr);
      if (answer_read) {
        add(at, SiteKind::vmgexit_rdmsr, x86::op_vmgexit.size() + x86::op_rdmsr.size());
      } else {
        add(at, SiteKind::vmgexit, x86::op_vmgexit.size());
      }
    });
    each_match(code_, x86::op_pvalidate,
               [this](std::size_t at) { add(at, SiteKind::pvalidate, x86::op_pvalidate.size()); });
    each_match(code_, x86::op_rmpadjust,
               [this](std::size_t at) { add(at, SiteKind::rmpadjust, x86::op_rmpadjust.size()); });
    after_load(mov_imm32(x86::op_mov_ecx_imm32, x86::msr_sev_status), x86::op_rdmsr,
               SiteKind::rdmsr_sev_status);
    after_load(mov_imm32(x86::op_mov_ecx_imm32, abi::ghcb::msr::number), x86::op_rdmsr,
               SiteKind::rdmsr_ghcb);
    after_load(mov_imm32(x86::op_mov_eax_imm32, x86::cpuid_encryption), x86::op_cpuid,
               SiteKind::cpuid_encryption);
  }

 private:
  void add(std::size_t at, SiteKind kind, std::size_t length) {
    const std::uint64_t address = virtual_ + at;
    const bool known = std::any_of(sites_.begin(), sites_.end(), [address](const Site& site) {
      return site.virtual_address == address;
    });
    if (known) return;  // two loads of the number before one instruction
    sites_.push_back(
        {address, physical_ + at, kind, static_cast<std::uint8_t>(length), Register::rax});
  }

  // An instruction that is the first of its kind within the gap behind the load of a number. The
  // RDMSR behind a VMGEXIT belongs to that site.
  void after_load(ByteView head, ByteView instruction, SiteKind kind) {
    each_match(code_, head, [&](std::size_t at) {
      const std::size_t start = at + head.size();
      for (std::size_t i = start; i <= start + gap_max && i < code_.size(); ++i) {
        if (matches(code_, i, x86::op_vmgexit)) return;
        if (!matches(code_, i, instruction)) continue;
        add(i, kind, instruction.size());
        return;
      }
    });
  }

  ByteView code_;
  std::uint64_t virtual_;
  std::uint64_t physical_;
  std::vector<Site>& sites_;
};

}  // namespace

const char* name(SiteKind kind) noexcept {
  switch (kind) {
    case SiteKind::vmgexit:
      return "VMGEXIT";
    case SiteKind::vmgexit_rdmsr:
      return "VMGEXIT, RDMSR";
    case SiteKind::pvalidate:
      return "PVALIDATE";
    case SiteKind::rmpadjust:
      return "RMPADJUST";
    case SiteKind::rdmsr_sev_status:
      return "RDMSR SEV_STATUS";
    case SiteKind::rdmsr_ghcb:
      return "RDMSR GHCB";
    case SiteKind::cpuid_encryption:
      return "CPUID 8000001F";
    case SiteKind::idt_load:
      return "LIDT";
    case SiteKind::cr3_write:
      return "MOV to CR3";
    case SiteKind::cr3_read:
      return "MOV from CR3";
    case SiteKind::kernel_jump:
      return "JMP to the kernel";
  }
  return "?";
}

std::size_t SiteTable::count(SiteKind kind) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      sites.begin(), sites.end(), [kind](const Site& site) { return site.kind == kind; }));
}

void scan_code(ByteView code, std::uint64_t virtual_address, std::uint64_t physical_address,
               std::vector<Site>& sites) {
  Scanner(code, virtual_address, physical_address, sites).scan();
}

Result<SiteTable> scan_sites(const ElfImage& image) {
  SiteTable table;
  for (const auto& code : image.code) {
    if (code.content.empty()) continue;
    const auto first = image.physical(code.virtual_address);
    const auto last = image.physical(code.virtual_address + code.content.size() - 1);
    if (!first || !last || *last - *first != code.content.size() - 1) {
      return fail(Code::invalid_input, "vmlinux: code at {:#x} ({:#x} bytes) is in no segment",
                  code.virtual_address, code.content.size());
    }
    scan_code(code.content, code.virtual_address, *first, table.sites);
  }
  std::sort(table.sites.begin(), table.sites.end(),
            [](const Site& a, const Site& b) { return a.virtual_address < b.virtual_address; });
  return table;
}

Status check_sites(const SiteTable& table) {
  constexpr std::size_t sites_max = 256;  // each costs the emulator time at every jump
  struct Rule {
    SiteKind kind;
    std::size_t min;
    std::size_t max;
    const char* meaning;
  };
  static constexpr std::array rules{
      Rule{SiteKind::rdmsr_sev_status, 1, 1, "it asks whether it is an SNP guest exactly once"},
      Rule{SiteKind::cpuid_encryption, 1, 8, "it asks for the position of the C-bit"},
      Rule{SiteKind::pvalidate, 1, 64, "it validates its memory"},
      Rule{SiteKind::vmgexit, 1, 64, "it calls the hypervisor through the GHCB"},
      Rule{SiteKind::vmgexit_rdmsr, 1, 64, "it uses the GHCB's MSR protocol"},
  };
  for (const auto& rule : rules) {
    const std::size_t count = table.count(rule.kind);
    if (count >= rule.min && count <= rule.max) continue;
    return fail(Code::unsupported,
                "this kernel will not do: {} found {} times, wanted {} to {} ({}): is it built "
                "with CONFIG_AMD_MEM_ENCRYPT and for SNP guests (Linux 5.19 or later)?",
                name(rule.kind), count, rule.min, rule.max, rule.meaning);
  }
  if (table.sites.size() > sites_max) {
    return fail(Code::unsupported, "this kernel will not do: {} sites, at most {} are supported",
                table.sites.size(), sites_max);
  }
  return {};
}

}  // namespace extreq::machine
