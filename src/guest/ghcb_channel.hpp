// GhcbChannel: a guest that holds its own VMPCK and talks to the host through its own GHCB.
//
// The rules, in the order of doc/guest.md:
// - one sealed message at a time; it is sent again unchanged until it is answered, also by a later
//   call after a busy host or a refused exit. No second message is sealed before that;
// - when nobody knows whether the firmware saw it, or it refused it, the key is retired;
// - a certificate table that does not fit is followed as far as the limits go; then the message is
//   sent as a plain request, and the report comes alone.
// Whatever the host does: no sequence number is used twice, the work is bounded by the limits, and
// shared memory is read once.
#pragma once

#include <memory>

#include "guest/ghcb_exchange.hpp"
#include "guest/retry.hpp"
#include "guest/transport.hpp"
#include "message/requester.hpp"

namespace extreq::guest {

class GhcbChannel final : public Transport {
 public:
  struct Options {
    RetryLimits limits;
    std::stop_token stop;  // ends waiting for a busy host
  };

  // Failure: invalid_input if the pages cannot be used (guest::check).
  // Lifetime: port and clock must outlive the channel, which owns the requester. The GHCB must be
  // registered, and the GHCB protocol version 2 agreed, before the first call.
  [[nodiscard]] static Result<std::unique_ptr<GhcbChannel>> create(message::Requester requester,
                                                                   GhcbPort& port,
                                                                   const SharedPages& pages,
                                                                   Clock& clock, Options options);

  // Effect: the next calls are made on another virtual processor of this guest, through its port
  // and its pages. A pending message stays the same. Failure: invalid_input as create().
  [[nodiscard]] Status move_to(GhcbPort& port, const SharedPages& pages);

  [[nodiscard]] RequestResult<ReportReply> report(const ReportQuery& query) override;
  [[nodiscard]] RequestResult<Evidence> extended_report(const ReportQuery& query) override;
  [[nodiscard]] RequestResult<DerivedKey> derived_key(const KeyQuery& query) override;
  [[nodiscard]] Status drop_key() override;
  [[nodiscard]] bool usable() const noexcept override { return !requester_.retired(); }

  // The number of the last response opened: what an operating system keeps over kexec.
  [[nodiscard]] std::uint64_t last_seqno() const noexcept { return requester_.last_seqno(); }
  // A message has been sent and has no answer yet: the next call sends it again first.
  [[nodiscard]] bool unanswered() const noexcept { return requester_.pending().has_value(); }

 private:
  struct Question {
    abi::snp::MessageType type;
    std::uint8_t version;
    Bytes payload;
    friend bool operator==(const Question&, const Question&) = default;
  };
  struct Call {
    BusyRetry busy;
    Notes notes;
  };
  struct Response {
    Bytes payload;                             // opened
    std::optional<std::uint64_t> table_pages;  // offered with the message that was answered
  };

  GhcbChannel(message::Requester requester, GhcbPort& port, const SharedPages& pages, Clock& clock,
              Options options) noexcept;

  [[nodiscard]] Call begin();
  [[nodiscard]] RequestResult<Response> ask(const Question& question, ExitKind exit, Call& call);
  [[nodiscard]] RequestResult<Response> send_until_answered(ExitKind exit, Call& call);
  [[nodiscard]] RequestResult<Bytes> open_response();
  // Retires the key and completes the failure.
  [[nodiscard]] tl::unexpected<RequestFailure> lose_key(Error why);
  [[nodiscard]] tl::unexpected<RequestFailure> lose_key(const GhcbReturn& answer);

  message::Requester requester_;
  GhcbExchange exchange_;
  Clock& clock_;
  Options options_;
  TableOffer offer_;
  std::optional<Question> unanswered_;  // what the pending message asks
};

}  // namespace extreq::guest
