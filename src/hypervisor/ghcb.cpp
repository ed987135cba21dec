#include "hypervisor/ghcb.hpp"

#include <array>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"

namespace extreq::hypervisor {
namespace {

using abi::ghcb::Page;

// The fields of an event lie in a few runs of neighbours; each run is fetched in one go.
constexpr std::size_t general_size =
    offsetof(Page, rbx) + 8 - offsetof(Page, rcx);  // RCX, RDX, RBX
constexpr std::size_t exit_size =
    offsetof(Page, sw_scratch) + 8 - offsetof(Page, sw_exitcode);  // and two infos
static_assert(general_size == 24 && offsetof(Page, rdx) == offsetof(Page, rcx) + 8);
static_assert(exit_size == 32 && offsetof(Page, sw_exitinfo1) == offsetof(Page, sw_exitcode) + 8 &&
              offsetof(Page, sw_exitinfo2) == offsetof(Page, sw_exitinfo1) + 8);

template <class Layout>
[[nodiscard]] Layout take(ByteReader& reader) noexcept {
  return reader.object<Layout>().value_or(Layout{});
}

}  // namespace

std::optional<Ghcb> Ghcb::open(GuestMemory& memory, std::uint64_t gpa) {
  if (!memory.check(gpa, abi::ghcb::page_size)) return std::nullopt;
  Ghcb ghcb(memory, gpa);
  std::array<std::uint8_t, 8> rax{};
  std::array<std::uint8_t, general_size> general{};
  std::array<std::uint8_t, exit_size> exit{};
  std::array<std::uint8_t, 4> usage{};
  // The bitmap first: a field that becomes valid later was not valid at the exit.
  if (!memory.read(gpa + offsetof(Page, valid_bitmap), ghcb.valid_in_) ||
      !memory.read(gpa + offsetof(Page, rax), rax) ||
      !memory.read(gpa + offsetof(Page, rcx), general) ||
      !memory.read(gpa + offsetof(Page, sw_exitcode), exit) ||
      !memory.read(gpa + offsetof(Page, usage), usage)) {
    return std::nullopt;
  }
  const auto if_valid = [&ghcb](std::size_t field, std::uint64_t value) {
    return ghcb.was_valid(field) ? value : 0;
  };
  ByteReader rax_reader(rax);
  ByteReader general_reader(general);
  ByteReader exit_reader(exit);
  ByteReader usage_reader(usage);
  ghcb.rax_ = if_valid(offsetof(Page, rax), take<abi::Le64>(rax_reader));
  ghcb.rcx_ = if_valid(offsetof(Page, rcx), take<abi::Le64>(general_reader));
  ghcb.rdx_ = if_valid(offsetof(Page, rdx), take<abi::Le64>(general_reader));
  ghcb.rbx_ = if_valid(offsetof(Page, rbx), take<abi::Le64>(general_reader));
  ghcb.exit_code_ = take<abi::Le64>(exit_reader);
  ghcb.exit_info_1_ = take<abi::Le64>(exit_reader);
  ghcb.exit_info_2_ = take<abi::Le64>(exit_reader);
  ghcb.scratch_ = if_valid(offsetof(Page, sw_scratch), take<abi::Le64>(exit_reader));
  ghcb.usage_ = take<abi::Le32>(usage_reader);
  ghcb.write_valid_bitmap();
  return ghcb;
}

bool Ghcb::was_valid(std::size_t field) const noexcept {
  return abi::ghcb::is_valid(valid_in_, field);
}

void Ghcb::write(std::size_t offset, ByteView bytes) {
  static_cast<void>(memory_->write(gpa_ + offset, bytes));
}

void Ghcb::write_valid_bitmap() { write(offsetof(Page, valid_bitmap), valid_out_); }

void Ghcb::answer(std::uint64_t exit_info_1, std::uint64_t exit_info_2) {
  ByteBuilder infos(16);
  infos.u64(exit_info_1).u64(exit_info_2);
  write(offsetof(Page, sw_exitinfo1), infos.view());
  abi::ghcb::mark_valid(valid_out_, offsetof(Page, sw_exitinfo1));
  abi::ghcb::mark_valid(valid_out_, offsetof(Page, sw_exitinfo2));
  write_valid_bitmap();
}

void Ghcb::answer_no_action(std::uint64_t exit_info_2) {
  answer(abi::ghcb::answer::no_action, exit_info_2);
}

void Ghcb::answer_malformed(std::uint64_t reason) {
  answer(abi::ghcb::answer::malformed_input, reason);
}

void Ghcb::close() {
  ByteBuilder rax(8);
  rax.u64(rax_);
  write(offsetof(Page, rax), rax.view());
  ByteBuilder general(general_size);
  general.u64(rcx_).u64(rdx_).u64(rbx_);
  write(offsetof(Page, rcx), general.view());
  for (const std::size_t field :
       {offsetof(Page, rax), offsetof(Page, rcx), offsetof(Page, rdx), offsetof(Page, rbx)}) {
    abi::ghcb::mark_valid(valid_out_, field);
  }
  write_valid_bitmap();
}

}  // namespace extreq::hypervisor
