#include "machine/registers.hpp"

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"

namespace extreq::machine {
namespace {

constexpr std::array<const char*, register_count> names{
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "rip", "eflags"};
constexpr std::size_t long_count = 17;  // all but EFLAGS, which has four bytes
constexpr std::size_t answer_digits = 2 * (long_count * 8 + 4);
constexpr std::size_t per_line = 5;

}  // namespace

std::uint64_t Registers::edx_eax() const noexcept {
  return std::uint64_t{low32(Register::rdx)} << 32 | low32(Register::rax);
}

std::string Registers::dump() const {
  std::string text;
  for (std::size_t i = 0; i < register_count; ++i) {
    text += fmt::format("{}{}={:016x}", i == 0 ? "" : (i % per_line == 0 ? "\n" : " "), names[i],
                        values[i]);
  }
  return text;
}

Result<Registers> parse_registers(std::string_view answer) {
  if (answer.size() < answer_digits) {
    return fail(Code::invalid_input, "gdb stub: registers in {} digits ('{}'), wanted {}",
                answer.size(), answer.substr(0, 8), answer_digits);
  }
  const auto bytes = from_hex(answer.substr(0, answer_digits));
  if (!bytes) return tl::unexpected(bytes.error());
  ByteReader reader(*bytes);
  Registers registers;
  for (std::size_t i = 0; i < long_count; ++i) registers.values[i] = *reader.u64();
  registers.values[long_count] = *reader.u32();
  return registers;
}

std::string write_command(Register which, std::uint64_t value) {
  ByteBuilder bytes;
  if (which == Register::eflags) {
    bytes.u32(static_cast<std::uint32_t>(value));
  } else {
    bytes.u64(value);
  }
  return fmt::format("P{:x}={}", static_cast<unsigned>(which), to_hex(bytes.view()));
}

}  // namespace extreq::machine
