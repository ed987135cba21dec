#include "machine/decompressor.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "abi/linux_boot.hpp"
#include "abi/x86_snp.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "machine/registers.hpp"

namespace extreq::machine {
namespace {

namespace boot = abi::linux_boot;
namespace x86 = abi::x86;

// mov init_size(%rsi), %ebx; sub $length, %ebx; add %rbp, %rbx: where the copy goes.
constexpr std::array<std::uint8_t, 8> copy_head{0x8B, 0x9E, 0x60, 0x02, 0x00, 0x00, 0x81, 0xEB};
constexpr std::array<std::uint8_t, 3> copy_tail{0x48, 0x01, 0xEB};
constexpr std::array<std::uint8_t, 5> last_jump{0x4C, 0x89, 0xFE, 0xFF, 0xE0};  // mov, jmp *%rax
constexpr std::size_t jump_offset = 3;
constexpr std::array<std::uint8_t, 3> load_idt{0x0F, 0x01, 0x1D};  // lidt relative to RIP
constexpr std::uint8_t idt_length = 7;
constexpr std::uint8_t two_byte_opcode = 0x0F;
constexpr std::uint8_t op_read_control = 0x20;
constexpr std::uint8_t op_write_control = 0x22;
constexpr std::uint8_t cr3_first = 0xD8;  // register operands: 0xD8 to 0xDF
constexpr std::uint8_t cr3_last = 0xDF;
constexpr std::uint8_t cr3_length = 3;

// By the operand's number in an instruction, which is not the stub's order.
constexpr std::array operands{Register::rax, Register::rcx, Register::rdx, Register::rbx,
                              Register::rsp, Register::rbp, Register::rsi, Register::rdi};

struct Part {
  std::size_t offset;
  ByteView code;
};

std::optional<std::size_t> find_in(const Part& part, ByteView bytes, std::size_t from = 0) {
  const auto start =
      part.code.begin() + static_cast<std::ptrdiff_t>(std::min(from, part.code.size()));
  const auto at = std::search(start, part.code.end(), bytes.begin(), bytes.end());
  if (at == part.code.end()) return std::nullopt;
  return static_cast<std::size_t>(at - part.code.begin());
}

void add_all(const Part& part, std::uint64_t base, ByteView bytes, SiteKind kind,
             std::uint8_t length, std::vector<Site>& sites) {
  for (auto at = find_in(part, bytes); at; at = find_in(part, bytes, *at + 1)) {
    const std::uint64_t address = base + part.offset + *at;
    const bool known = std::any_of(sites.begin(), sites.end(), [address](const Site& site) {
      return site.physical_address == address;
    });
    if (!known) sites.push_back({address, address, kind, length, Register::rax});
  }
}

void add_control_register_moves(const Part& part, std::uint64_t base, std::vector<Site>& sites) {
  for (std::size_t i = 0; i + cr3_length <= part.code.size(); ++i) {
    if (part.code[i] != two_byte_opcode) continue;
    const std::uint8_t op = part.code[i + 1];
    const std::uint8_t operand = part.code[i + 2];
    if ((op != op_read_control && op != op_write_control) || operand < cr3_first ||
        operand > cr3_last) {
      continue;
    }
    const std::uint64_t address = base + part.offset + i;
    sites.push_back({address, address,
                     op == op_write_control ? SiteKind::cr3_write : SiteKind::cr3_read, cr3_length,
                     operands.at(operand - cr3_first)});
  }
}

// Where the decompressor goes on after its copy.
Result<std::uint64_t> relocated(const Part& head, std::uint64_t load, std::uint32_t init_size) {
  const auto at = find_in(head, copy_head);
  if (at) {
    ByteReader reader(head.code.subspan(*at + copy_head.size()));
    const auto length = reader.u32();
    const auto tail = reader.view(copy_tail.size());
    if (length && tail && std::ranges::equal(*tail, copy_tail) && *length <= init_size) {
      return load + init_size - *length;
    }
  }
  return fail(Code::unsupported, "decompressor: where it copies itself to was not found");
}

}  // namespace

Result<DecompressorSites> scan_decompressor(const BzImage& file) {
  const std::size_t payload = file.header.payload_offset;
  const std::size_t behind = payload + file.payload.size();
  const Part head{0, file.protected_mode.first(payload)};
  const Part body{behind, file.protected_mode.subspan(behind)};
  DecompressorSites found;
  found.load_address = file.header.pref_address;
  EXTREQ_TRY_ASSIGN(found.relocated_address,
                    relocated(head, found.load_address, file.header.init_size));
  for (const Part& part : {head, body}) {
    scan_code(part.code, found.load_address + part.offset, found.load_address + part.offset,
              found.sites);
    add_all(part, found.load_address, x86::op_cpuid, SiteKind::cpuid_encryption,
            static_cast<std::uint8_t>(x86::op_cpuid.size()), found.sites);
  }
  add_all(body, found.relocated_address, load_idt, SiteKind::idt_load, idt_length, found.sites);
  add_control_register_moves(body, found.relocated_address, found.sites);
  const auto jump = find_in(body, last_jump);
  if (!jump) return fail(Code::unsupported, "decompressor: its jump to the kernel was not found");
  const std::uint64_t address = found.relocated_address + body.offset + *jump + jump_offset;
  found.jump = {address, address, SiteKind::kernel_jump, 2, Register::rax};
  return found;
}

Result<std::uint64_t> virtual_move(ByteView memory, ByteView original, std::uint64_t start,
                                   std::uint64_t end) {
  constexpr std::size_t field_size = 4;
  constexpr std::uint64_t move_max = 1ULL << 30U;
  const std::size_t size = std::min(memory.size(), original.size());
  // A move by multiples of 2 MiB leaves an address' lower two bytes, one by multiples of 16 MiB the
  // lower three. Which byte of its address the first different one is cannot be seen: each reading
  // that makes sense is counted, and what most places say is the move.
  std::map<std::uint64_t, unsigned> places;
  std::optional<Error> no_move;
  for (std::size_t i = 0; i < size; ++i) {
    if (memory[i] == original[i]) continue;
    for (const std::size_t unmoved : {2U, 3U}) {
      if (i < unmoved || i - unmoved + field_size > size) continue;
      const auto value = [at = i - unmoved](ByteView bytes) {
        const std::uint32_t low = *ByteReader(bytes.subspan(at)).u32();
        return static_cast<std::uint64_t>(static_cast<std::int32_t>(low));  // they end the space
      };
      const std::uint64_t was = value(original);
      const std::uint64_t move = value(memory) - was;
      if (was < start || was >= end) continue;
      if (move % x86::large_page_size == 0 && move < move_max) {
        ++places[move];
      } else if (!no_move) {
        no_move = fail(Code::invalid_input, "kernel: address {:#x} was moved by {:#x}", was, move)
                      .value();
      }
    }
    ++i;  // the fourth byte of the same address
  }
  const auto most =
      std::ranges::max_element(places, {}, [](const auto& place) { return place.second; });
  if (most != places.end()) return most->first;
  if (no_move) return tl::unexpected(*no_move);
  return 0;
}

}  // namespace extreq::machine
