// Requester: the guest's end of one VMPCK.
//
// It holds the invariant that a guest never seals two messages under one sequence number: a number
// is taken when a message is sealed, that sealed message is the only one that can be sent until its
// response has been opened, and when the outcome is not known the key is retired for good.
// Lifetime: owns the key and wipes it. Threading: one thread at a time.
#pragma once

#include <optional>

#include "message/envelope.hpp"

namespace extreq::message {

class Requester {
 public:
  // `last_seqno`: the number of the last response that was opened under this key; 0 for a new key.
  Requester(Vmpck key, std::uint8_t vmpck, std::uint64_t last_seqno = 0) noexcept;

  // Seals a message under the next number and keeps it as the pending one.
  // Failure: closed (key retired); busy (a message is pending: resend or retire it); unsupported
  // (the numbers that Linux's secrets page can hold, 32 bits, are used up); as message::seal.
  [[nodiscard]] Status seal(abi::snp::MessageType type, std::uint8_t version, ByteView payload);

  // The sealed bytes to send, and to send again unchanged after "busy" or "invalid length".
  // nullopt if no message is pending.
  [[nodiscard]] std::optional<PageView> pending() const noexcept;

  // Opens the response to the pending message: `page` is a private copy. Success frees the sequence
  // number's successor for the next message. Any failure retires the key, for the outcome of the
  // request is then not known: invalid_input, not_genuine; closed if nothing was pending.
  [[nodiscard]] Result<Bytes> open_response(PageView page);

  // Wipes the key and the pending message: nothing is ever sealed under this VMPCK again.
  void retire() noexcept;
  [[nodiscard]] bool retired() const noexcept { return retired_; }

  // The number of the last response opened: what an operating system keeps over kexec.
  [[nodiscard]] std::uint64_t last_seqno() const noexcept { return last_seqno_; }
  [[nodiscard]] std::uint8_t vmpck() const noexcept { return vmpck_; }

 private:
  struct Pending {
    Envelope envelope;
    Page page;
  };

  Vmpck key_;
  std::uint8_t vmpck_;
  std::uint64_t last_seqno_;
  bool retired_ = false;
  std::optional<Pending> pending_;
};

}  // namespace extreq::message
