// Registers: what a stop of the emulated processor shows, as the gdb stub numbers them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::machine {

// The stub's numbers (GDB, features/i386/64bit-core.xml).
enum class Register : std::uint8_t {
  rax,
  rbx,
  rcx,
  rdx,
  rsi,
  rdi,
  rbp,
  rsp,
  r8,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rip,
  eflags,
};
inline constexpr std::size_t register_count = 18;

struct Registers {
  std::array<std::uint64_t, register_count> values{};

  [[nodiscard]] std::uint64_t operator[](Register which) const noexcept {
    return values[static_cast<std::size_t>(which)];
  }
  // EDX:EAX, as RDMSR and WRMSR use them.
  [[nodiscard]] std::uint64_t edx_eax() const noexcept;
  [[nodiscard]] std::uint32_t low32(Register which) const noexcept {
    return static_cast<std::uint32_t>((*this)[which]);
  }
  // Four lines, for an error's message.
  [[nodiscard]] std::string dump() const;
};

// The answer to the stub's 'g': hexadecimal, little-endian, general registers first.
// Failure: invalid_input (too short, not hexadecimal, or an 'E' answer).
[[nodiscard]] Result<Registers> parse_registers(std::string_view answer);

// The stub's 'P' command for one register.
[[nodiscard]] std::string write_command(Register which, std::uint64_t value);

}  // namespace extreq::machine
