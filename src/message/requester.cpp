#include "message/requester.hpp"

#include <limits>

#include "message/seal.hpp"

namespace extreq::message {
namespace {

Status check_response(const Envelope& response, const Envelope& request) {
  const auto wanted_type = static_cast<std::uint8_t>(static_cast<unsigned>(request.type) + 1);
  if (static_cast<std::uint8_t>(response.type) != wanted_type) {
    return fail(Code::invalid_input, "guest message: response has MSG_TYPE {}, {} is the answer",
                static_cast<unsigned>(response.type), wanted_type);
  }
  if (response.version != request.version) {
    return fail(Code::invalid_input, "guest message: response has MSG_VERSION {}, the request {}",
                response.version, request.version);
  }
  if (response.vmpck != request.vmpck) {
    return fail(Code::invalid_input, "guest message: response is for VMPCK{}, the request for {}",
                response.vmpck, request.vmpck);
  }
  if (response.seqno != request.seqno + 1) {
    return fail(Code::invalid_input, "guest message: response has MSG_SEQNO {}, {} is the answer",
                response.seqno, request.seqno + 1);
  }
  return {};
}

}  // namespace

Requester::Requester(Vmpck key, std::uint8_t vmpck, std::uint64_t last_seqno) noexcept
    : key_(std::move(key)), vmpck_(vmpck), last_seqno_(last_seqno) {}

Status Requester::seal(abi::snp::MessageType type, std::uint8_t version, ByteView payload) {
  if (retired_) {
    return fail(Code::closed, "VMPCK{} is retired: no message is sealed under it again", vmpck_);
  }
  if (pending_) {
    return fail(Code::busy, "message {} under VMPCK{} waits for its response",
                pending_->envelope.seqno, vmpck_);
  }
  if (last_seqno_ > std::numeric_limits<std::uint32_t>::max() - 2) {
    return fail(Code::unsupported, "VMPCK{}: sequence number {} is the last of 32 bits", vmpck_,
                last_seqno_);
  }
  Pending next{Envelope{type, version, vmpck_, last_seqno_ + 1}, Page{}};
  if (auto status = message::seal(key_, next.envelope, payload, next.page); !status) {
    return status;
  }
  pending_ = next;
  return {};
}

std::optional<PageView> Requester::pending() const noexcept {
  if (!pending_) return std::nullopt;
  return PageView(pending_->page);
}

Result<Bytes> Requester::open_response(PageView page) {
  if (!pending_) return fail(Code::closed, "VMPCK{}: no message is pending", vmpck_);
  const auto envelope = read_envelope(page);
  Status status;
  if (!envelope) {
    status = tl::unexpected(envelope.error());
  } else {
    status = check_response(*envelope, pending_->envelope);
  }
  if (status) {
    if (auto payload = open(key_, page)) {
      last_seqno_ = envelope->seqno;
      pending_.reset();
      return payload;
    } else {
      status = tl::unexpected(std::move(payload).error());
    }
  }
  retire();
  return tl::unexpected(std::move(status).error());
}

void Requester::retire() noexcept {
  key_.wipe();
  pending_.reset();
  retired_ = true;
}

}  // namespace extreq::message
