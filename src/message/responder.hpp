// Responder: the firmware's end of a guest's four VMPCKs.
//
// It opens a request, checks its sequence number, and seals the one response that may follow.
// One counter for each VMPCK holds the number of the last message of either side; a request must
// carry the next one. Only a sealed response advances it (AMD 56860, "Message Sequence Numbers").
// Lifetime: owns the keys and wipes them. Threading: one thread at a time.
#pragma once

#include "message/envelope.hpp"

namespace extreq::message {

struct Request {
  Envelope envelope;
  Bytes payload;
};

class Responder {
 public:
  using Keys = std::array<Vmpck, abi::snp::vmpck_count>;
  using Counters = std::array<std::uint64_t, abi::snp::vmpck_count>;

  explicit Responder(Keys keys, Counters counters = {}) noexcept;

  // Opens a request from a private copy of its page. No counter changes.
  // Failure: invalid_input (header), not_genuine (tag), closed (the sequence number is not the
  // next one, or the counter has come to its end).
  [[nodiscard]] Result<Request> open(PageView page) const;

  // Seals the response to a request that open() has just accepted and advances the counter.
  // Failure: closed if the request is no longer the next one; as message::seal. The counter then
  // stays.
  [[nodiscard]] Status respond(const Envelope& request, ByteView payload, MutablePageView page);

  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }

 private:
  [[nodiscard]] Status check_next(const Envelope& request) const;

  Keys keys_;
  Counters counters_;
};

}  // namespace extreq::message
