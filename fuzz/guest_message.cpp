// Guest messages: message::read_envelope, open and seal, and the two ends of a channel.
//
// The first byte of an input chooses: a page as it comes from the other side, a sealed page with
// damage, or a dialogue with an adversary between the two ends.
#include <map>

#include "fuzz/input.hpp"
#include "message/requester.hpp"
#include "message/responder.hpp"
#include "message/seal.hpp"

namespace extreq::fuzz {
namespace {

namespace snp = abi::snp;
using message::Page;

message::Vmpck key_of(std::uint8_t fill) {
  message::Vmpck key;
  std::ranges::fill(key.mutable_view(), fill);
  return key;
}

Page page_of(ByteView bytes) {
  Page page{};
  std::ranges::copy(bytes.first(std::min(bytes.size(), page.size())), page.begin());
  return page;
}

void damage(Input& input, Page& page) {
  for (unsigned count = input.u8() % 4U; count > 0; --count) {
    const std::size_t at = input.below(page.size());
    page.at(at) = static_cast<std::uint8_t>(page.at(at) ^ input.u8());
  }
}

void read_page(ByteView bytes) {
  const Page page = page_of(bytes);
  const auto envelope = message::read_envelope(page);
  const auto payload = message::open(key_of(1), page);
  require(!payload || envelope, "nothing opens that has no envelope");
}

void seal_and_damage(Input& input) {
  const message::Envelope envelope{.type = static_cast<snp::MessageType>(input.u8()),
                                   .version = input.u8(),
                                   .vmpck = static_cast<std::uint8_t>(input.u8() % 6U),
                                   .seqno = input.u64()};
  const Bytes payload(input.below(snp::message_payload_max + 100), input.u8());
  Page page;
  if (!message::seal(key_of(1), envelope, payload, page)) {
    require(all_zero(page), "a page that could not be sealed holds zeros");
    return;
  }
  const Page sealed = page;
  damage(input, page);
  const std::size_t used = sizeof(snp::MessageHeader) + payload.size();
  const bool same =
      std::equal(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(used), sealed.begin());
  const auto opened = message::open(key_of(1), page);
  require(opened.has_value() == same, "it opens if no byte of it was changed, and only then");
  require(!opened || *opened == payload, "to what was sealed");
  require(!message::open(key_of(2), page), "not under another key");
}

// Whatever is swapped, repeated or damaged in between: no number is sealed twice, and what arrives
// is what the other end said to this very message.
void dialogue(Input& input) {
  message::Requester guest(key_of(1), 1, input.flag() ? 0xFFFFFFF0 : 0);
  message::Responder firmware({key_of(0), key_of(1), key_of(2), key_of(3)},
                              {0, guest.last_seqno(), 0, 0});
  std::map<std::uint64_t, Page> emitted;
  Page request{};
  Page response{};
  for (unsigned step = 0; step < 64 && !input.finished(); ++step) {
    switch (input.u8() % 8U) {
      case 0:
        static_cast<void>(guest.seal(snp::MessageType::report_req, 1, input.bytes(input.u8())));
        break;
      case 1:
        if (const auto pending = guest.pending()) request = page_of(*pending);
        break;
      case 2:
        if (const auto opened = firmware.open(request)) {
          static_cast<void>(firmware.respond(opened->envelope, opened->payload, response));
        }
        break;
      case 3: {
        const auto last = guest.last_seqno();
        const bool was_pending = guest.pending().has_value();
        const auto opened = guest.open_response(response);
        require(!opened || guest.last_seqno() == last + 2, "each answer uses up one number");
        require(opened || !was_pending || guest.retired(), "a wrong answer retires the key");
        break;
      }
      case 4:
        damage(input, request);
        break;
      case 5:
        damage(input, response);
        break;
      case 6:
        std::swap(request, response);
        break;
      default:  // somebody else's message, or one of the firmware's that nobody asked for
        static_cast<void>(
            message::seal(key_of(input.flag() ? 1 : 2),
                          {.type = static_cast<snp::MessageType>(input.u8()),
                           .version = input.u8(),
                           .vmpck = static_cast<std::uint8_t>(input.u8() % snp::vmpck_count),
                           .seqno = guest.last_seqno() + input.u8() % 4U},
                          {}, response));
        break;
    }
    if (const auto pending = guest.pending()) {
      const auto envelope = message::read_envelope(*pending);
      require(envelope.has_value(), "a pending message has an envelope");
      const auto [at, first] = emitted.emplace(envelope->seqno, page_of(*pending));
      require(first || at->second == page_of(*pending), "no number is sealed twice");
    }
  }
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  switch (input.u8() % 3) {
    case 0:
      fuzz::read_page(input.rest());
      break;
    case 1:
      fuzz::seal_and_damage(input);
      break;
    default:
      fuzz::dialogue(input);
      break;
  }
  return 0;
}
