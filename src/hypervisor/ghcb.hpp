// Ghcb: the guest's GHCB page during one NAE event (GHCB specification, "GHCB Layout").
//
// Effect: open() fetches every field that the hypervisor needs, each once, and clears the valid
// bitmap; from then on only the copy counts, whatever the guest does to the page. Answers are
// written to the page as KVM does it: a field, then its bit of the valid bitmap. close() writes
// RAX, RCX, RDX and RBX, so that the guest finds its own values (zero for those it did not mark
// valid) or the answer's. Failure: if the page stops being accessible during the event (the guest
// made it private) answers are dropped: the guest gave up the place where it would have found them.
// Lifetime: the memory must outlive the object. Threading: one thread.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/ghcb.hpp"
#include "hypervisor/guest_memory.hpp"

namespace extreq::hypervisor {

class Ghcb {
 public:
  // `gpa` is page aligned. nullopt if the page is not accessible: nothing was changed.
  [[nodiscard]] static std::optional<Ghcb> open(GuestMemory& memory, std::uint64_t gpa);

  [[nodiscard]] std::uint64_t gpa() const noexcept { return gpa_; }

  // What the guest marked as valid when it left; `field` is one of abi::ghcb::offset.
  [[nodiscard]] bool was_valid(std::size_t field) const noexcept;

  [[nodiscard]] std::uint32_t usage() const noexcept { return usage_; }
  // These three as they were, valid or not.
  [[nodiscard]] std::uint64_t exit_code() const noexcept { return exit_code_; }
  [[nodiscard]] std::uint64_t exit_info_1() const noexcept { return exit_info_1_; }
  [[nodiscard]] std::uint64_t exit_info_2() const noexcept { return exit_info_2_; }
  // Zero if not valid.
  [[nodiscard]] std::uint64_t scratch() const noexcept { return scratch_; }
  [[nodiscard]] std::uint64_t rax() const noexcept { return rax_; }
  [[nodiscard]] std::uint64_t rbx() const noexcept { return rbx_; }
  void set_rbx(std::uint64_t value) noexcept { rbx_ = value; }

  // SW_EXITINFO1 = no action, SW_EXITINFO2 = what the event defines.
  void answer_no_action(std::uint64_t exit_info_2);
  // SW_EXITINFO1 = malformed input, SW_EXITINFO2 = the reason (abi::ghcb::malformed).
  void answer_malformed(std::uint64_t reason);
  // Before the guest is entered again.
  void close();

 private:
  Ghcb(GuestMemory& memory, std::uint64_t gpa) noexcept : memory_(&memory), gpa_(gpa) {}

  void answer(std::uint64_t exit_info_1, std::uint64_t exit_info_2);
  // The answer is lost if the page is gone; see above.
  void write(std::size_t offset, ByteView bytes);
  void write_valid_bitmap();

  GuestMemory* memory_;
  std::uint64_t gpa_;
  abi::ghcb::ValidBitmap valid_in_{};   // the guest's
  abi::ghcb::ValidBitmap valid_out_{};  // ours
  std::uint32_t usage_ = 0;
  std::uint64_t exit_code_ = 0;
  std::uint64_t exit_info_1_ = 0;
  std::uint64_t exit_info_2_ = 0;
  std::uint64_t scratch_ = 0;
  std::uint64_t rax_ = 0;
  std::uint64_t rcx_ = 0;
  std::uint64_t rdx_ = 0;
  std::uint64_t rbx_ = 0;
};

}  // namespace extreq::hypervisor
