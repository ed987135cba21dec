#include "message/responder.hpp"

#include <limits>

#include "base/try.hpp"
#include "message/seal.hpp"

namespace extreq::message {

Responder::Responder(Keys keys, Counters counters) noexcept
    : keys_(std::move(keys)), counters_(counters) {}

Status Responder::check_next(const Envelope& request) const {
  const std::uint64_t last = counters_.at(request.vmpck);
  if (last > std::numeric_limits<std::uint64_t>::max() - 2) {
    return fail(Code::closed, "VMPCK{}: the sequence numbers are used up", request.vmpck);
  }
  if (request.seqno != last + 1) {
    return fail(Code::closed, "VMPCK{}: request has MSG_SEQNO {}, {} is the next", request.vmpck,
                request.seqno, last + 1);
  }
  return {};
}

Result<Request> Responder::open(PageView page) const {
  EXTREQ_TRY_ASSIGN(const Envelope envelope, read_envelope(page));
  EXTREQ_TRY_ASSIGN(Bytes payload, message::open(keys_.at(envelope.vmpck), page));
  EXTREQ_TRY(check_next(envelope));
  return Request{envelope, std::move(payload)};
}

Status Responder::respond(const Envelope& request, ByteView payload, MutablePageView page) {
  if (request.vmpck >= keys_.size()) {
    return fail(Code::invalid_input, "guest message: key number {} is not 0 to 3", request.vmpck);
  }
  EXTREQ_TRY(check_next(request));
  const auto type = static_cast<abi::snp::MessageType>(static_cast<unsigned>(request.type) + 1);
  EXTREQ_TRY(seal(keys_.at(request.vmpck),
                  Envelope{type, request.version, request.vmpck, request.seqno + 1}, payload,
                  page));
  counters_.at(request.vmpck) = request.seqno + 1;
  return {};
}

}  // namespace extreq::message
