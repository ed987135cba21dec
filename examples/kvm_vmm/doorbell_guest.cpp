#include "examples/kvm_vmm/doorbell_guest.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace extreq::kvm_vmm {
namespace {

constexpr std::array<std::uint8_t, 39> code{
    0xE4, 0x10,                          // next: in al, doorbell_port
    0x84, 0xC0,                          //       test al, al
    0x74, 0x20,                          //       jz end
    0x66, 0xA1, 0x00, 0x00,              //       mov eax, [mailbox]
    0x66, 0x8B, 0x16, 0x04, 0x00,        //       mov edx, [mailbox + 4]
    0x66, 0xB9, 0x30, 0x01, 0x01, 0xC0,  //       mov ecx, ghcb_msr_number
    0x0F, 0x30,                          //       wrmsr
    0x0F, 0x32,                          //       rdmsr
    0x66, 0xA3, 0x00, 0x00,              //       mov [mailbox], eax
    0x66, 0x89, 0x16, 0x04, 0x00,        //       mov [mailbox + 4], edx
    0xE6, 0x11,                          //       out rung_port, al
    0xEB, 0xDA,                          //       jmp next
    0xF4,                                // end:  hlt
};

}  // namespace

ByteView doorbell_code() noexcept { return code; }

DoorbellGuest::DoorbellGuest(MutableByteView mailbox, std::function<void(sim::GuestCpu&)> program)
    : mailbox_(mailbox), thread_([this, program = std::move(program)] {
        program(*this);
        const std::lock_guard lock(mutex_);
        turn_ = Turn::ended;
        changed_.notify_all();
      }) {}

DoorbellGuest::~DoorbellGuest() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

bool DoorbellGuest::wait_for_doorbell() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return turn_ != Turn::program; });
  return turn_ == Turn::vcpu;
}

void DoorbellGuest::rung() {
  const std::lock_guard lock(mutex_);
  turn_ = Turn::program;
  changed_.notify_all();
}

Result<std::uint64_t> DoorbellGuest::vmgexit(std::uint64_t ghcb_msr) {
  std::unique_lock lock(mutex_);
  if (stopping_) return fail(Code::closed, "this processor runs no more");
  std::memcpy(mailbox_.data(), &ghcb_msr, sizeof ghcb_msr);
  turn_ = Turn::vcpu;
  changed_.notify_all();
  changed_.wait(lock, [this] { return turn_ == Turn::program || stopping_; });
  if (turn_ != Turn::program) return fail(Code::closed, "this processor runs no more");
  std::uint64_t answer = 0;
  std::memcpy(&answer, mailbox_.data(), sizeof answer);
  return answer;
}

}  // namespace extreq::kvm_vmm
