#include "hypervisor/page_state_change.hpp"

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "hypervisor/run_area.hpp"
#include "hypervisor/vcpu_state.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
namespace msr = abi::ghcb::msr;
namespace psc = abi::ghcb::page_state_change;

[[nodiscard]] std::uint64_t pages_of(const psc::Entry& entry) noexcept {
  return entry.pagesize == psc::pagesize_2m ? psc::pages_of_2m : 1;
}

[[nodiscard]] bool is_for_user_space(std::uint8_t operation) noexcept {
  return operation == psc::operation_private || operation == psc::operation_shared;
}

struct Range {
  std::uint64_t gfn = 0;
  std::uint64_t pages = 0;
  std::uint8_t operation = 0;
  std::uint8_t pagesize = 0;
};

void fill_exit(kvm::Run& run, const Range& range) noexcept {
  kvm::ExitHypercall& exit = run.exit.hypercall;
  store_once(run.exit_reason, kvm::exit_hypercall);
  store_once(exit.nr, kvm::hc_map_gpa_range);
  // Zero, which stands for success, because user space that never writes it counts on that.
  store_once(exit.ret, 0);
  store_once(exit.args[0], range.gfn << abi::ghcb::page_shift);
  store_once(exit.args[1], range.pages);
  store_once(exit.args[2],
             (range.operation == psc::operation_private ? kvm::map_gpa_range_encrypted
                                                        : kvm::map_gpa_range_decrypted) |
                 (range.pagesize == psc::pagesize_2m ? kvm::map_gpa_range_page_sz_2m
                                                     : kvm::map_gpa_range_page_sz_4k));
  for (std::size_t i = 3; i < exit.args.size(); ++i) store_once(exit.args[i], 0);
  store_once(exit.flags, 0);
}

[[nodiscard]] Outcome finish(VcpuState& vcpu, std::uint64_t exit_info_2) {
  vcpu.ghcb->answer_no_action(exit_info_2);
  return Next::guest;
}

// As with all answers in the GHCB: dropped if the guest took the page away.
void write_to_buffer(VcpuState& vcpu, std::size_t at, ByteView bytes) {
  static_cast<void>(vcpu.vm.memory.write(vcpu.page_state_change.buffer_gpa + at, bytes));
}

void write_cur_entry(VcpuState& vcpu) {
  ByteBuilder cur_entry(2);
  cur_entry.u16(static_cast<std::uint16_t>(vcpu.page_state_change.next));
  write_to_buffer(vcpu, offsetof(psc::Header, cur_entry), cur_entry.view());
}

void write_entry(VcpuState& vcpu, std::size_t index) {
  ByteBuilder entry(sizeof(abi::Le64));
  entry.object(vcpu.page_state_change.entries[index]);
  write_to_buffer(vcpu, sizeof(psc::Header) + index * sizeof(abi::Le64), entry.view());
}

// The entries in flight are done: says so in the guest's buffer and moves on.
void complete_range(VcpuState& vcpu) {
  PageStateChange& change = vcpu.page_state_change;
  for (; change.in_flight != 0; --change.in_flight, ++change.next) {
    psc::Entry entry = psc::decode_entry(change.entries[change.next]);
    entry.cur_page = static_cast<std::uint16_t>(pages_of(entry));
    const std::uint64_t reserved = change.entries[change.next] & psc::entry_reserved_mask;
    change.entries[change.next] = psc::encode_entry(entry) | reserved;
    write_entry(vcpu, change.next);
  }
  write_cur_entry(vcpu);
}

// How many entries from `first` on continue the range that `first` begins; adds their pages.
[[nodiscard]] std::size_t gather(const PageStateChange& change, Range& range) noexcept {
  std::size_t index = change.next + 1;
  for (; index < change.end; ++index) {
    const psc::Entry entry = psc::decode_entry(change.entries[index]);
    if (entry.operation != range.operation || entry.pagesize != range.pagesize ||
        entry.cur_page != 0 || entry.gfn != range.gfn + range.pages) {
      break;
    }
    range.pages += pages_of(entry);
  }
  return index - change.next;
}

[[nodiscard]] Outcome complete(VcpuState& vcpu);

// Leaves for the next range of the event under way, or answers the event.
[[nodiscard]] Outcome proceed(VcpuState& vcpu) {
  PageStateChange& change = vcpu.page_state_change;
  while (change.next < change.end) {
    const psc::Entry entry = psc::decode_entry(change.entries[change.next]);
    const std::uint64_t pages = pages_of(entry);
    if (entry.cur_page > pages || entry.gfn % pages != 0) {
      return finish(vcpu, psc::error_invalid_entry);
    }
    if (entry.cur_page == pages) {  // was done before
      ++change.next;
      write_cur_entry(vcpu);
      continue;
    }
    Range range{entry.gfn + entry.cur_page, pages - entry.cur_page, entry.operation,
                entry.pagesize};
    // What is left of a 2 MiB entry is no neighbour of anything.
    change.in_flight = entry.cur_page == 0 ? gather(change, range) : 1;
    if (is_for_user_space(range.operation)) {
      fill_exit(vcpu.run, range);
      vcpu.complete_userspace_io = complete;
      return Next::user_space;
    }
    complete_range(vcpu);
  }
  return finish(vcpu, 0);
}

Outcome complete(VcpuState& vcpu) {
  if (load_once(vcpu.run.exit.hypercall.ret) != 0) return finish(vcpu, kvm::psc_error_generic);
  complete_range(vcpu);
  return proceed(vcpu);
}

[[nodiscard]] Outcome complete_msr(VcpuState& vcpu) {
  const bool refused = load_once(vcpu.run.exit.hypercall.ret) != 0;
  vcpu.ghcb_msr = msr::encode_page_state_change_response(refused ? kvm::psc_msr_error : 0);
  return Next::guest;
}

// How many bytes there are for the buffer at `scratch`, which must lie in the GHCB's shared buffer
// (as version 2 of the protocol demands it); 0 if it does not, or has no room for a header.
[[nodiscard]] std::uint64_t buffer_size(std::uint64_t ghcb_gpa, std::uint64_t scratch) noexcept {
  const std::uint64_t begin = ghcb_gpa + offsetof(abi::ghcb::Page, shared_buffer);
  const std::uint64_t end = begin + abi::ghcb::shared_buffer_size;
  if (scratch < begin || scratch >= end || end - scratch < sizeof(psc::Header)) return 0;
  return end - scratch;
}

}  // namespace

Outcome handle_page_state_change(VcpuState& vcpu) {
  Ghcb& ghcb = *vcpu.ghcb;
  const std::uint64_t size = buffer_size(ghcb.gpa(), ghcb.scratch());
  if (size == 0) {
    ghcb.answer_malformed(abi::ghcb::malformed::invalid_scratch_area);
    return Next::guest;
  }
  if (!vcpu.vm.config.map_gpa_range_exits) return finish(vcpu, kvm::psc_error_generic);

  PageStateChange& change = vcpu.page_state_change;
  change.buffer_gpa = ghcb.scratch();
  change.in_flight = 0;
  std::array<std::uint8_t, sizeof(psc::Header)> header_bytes{};
  if (!vcpu.vm.memory.read(change.buffer_gpa, header_bytes)) {
    // The guest took its GHCB away during the event.
    return finish(vcpu, psc::error_invalid_header);
  }
  ByteReader header_reader(header_bytes);
  const psc::Header header = header_reader.object<psc::Header>().value_or(psc::Header{});
  const std::uint64_t entry_count = (size - sizeof(psc::Header)) / sizeof(abi::Le64);
  if (header.end_entry >= entry_count) return finish(vcpu, psc::error_invalid_header);
  change.next = header.cur_entry;
  change.end = std::size_t{header.end_entry} + 1;
  if (change.next >= change.end) return finish(vcpu, 0);

  Bytes bytes((change.end - change.next) * sizeof(abi::Le64));
  if (!vcpu.vm.memory.read(
          change.buffer_gpa + sizeof(psc::Header) + change.next * sizeof(abi::Le64), bytes)) {
    return finish(vcpu, psc::error_invalid_header);
  }
  ByteReader reader(bytes);
  for (std::size_t index = change.next; index < change.end; ++index) {
    change.entries[index] = reader.object<abi::Le64>().value_or(abi::Le64{});
  }
  return proceed(vcpu);
}

Outcome handle_page_state_change_msr(VcpuState& vcpu) {
  const msr::PageStateChange request = msr::decode_page_state_change_request(vcpu.ghcb_msr);
  if (!is_for_user_space(request.operation) || !vcpu.vm.config.map_gpa_range_exits) {
    vcpu.ghcb_msr = msr::encode_page_state_change_response(kvm::psc_msr_error);
    return Next::guest;
  }
  fill_exit(vcpu.run, {request.gfn, 1, request.operation, psc::pagesize_4k});
  vcpu.complete_userspace_io = complete_msr;
  return Next::user_space;
}

}  // namespace extreq::hypervisor
