// What a hostile host answers to a guest: guest::GhcbChannel, and what it reads out of responses.
//
// The first byte of an input chooses: the firmware's opened answer as it comes, or a script of the
// host over several calls of a channel.
#include <map>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "fuzz/input.hpp"
#include "guest/ghcb_channel.hpp"
#include "guest/response.hpp"
#include "message/responder.hpp"

namespace extreq::fuzz {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;

constexpr guest::SharedPages shared{.ghcb = 0,
                                    .request = ghcb::page_size,
                                    .response = 2 * ghcb::page_size,
                                    .certificates = 3 * ghcb::page_size,
                                    .certificate_pages = 9};
constexpr std::uint8_t vmpck = 2;
constexpr unsigned calls_max = 6;

message::Vmpck key_of(std::uint8_t fill) {
  message::Vmpck key;
  std::ranges::fill(key.mutable_view(), fill);
  return key;
}

class Host final : public guest::GhcbPort {
 public:
  explicit Host(Input& input) : input_(input), memory_(12 * ghcb::page_size) {}

  Status read(std::uint64_t gpa, MutableByteView to) override {
    require(gpa <= memory_.size() && to.size() <= memory_.size() - gpa, "reads shared pages only");
    std::ranges::copy(ByteView(memory_).subspan(gpa, to.size()), to.begin());
    // Between any two reads the host may change its mind.
    if (volatile_ && !input_.finished()) scribble();
    return {};
  }

  Status write(std::uint64_t gpa, ByteView from) override {
    require(gpa <= memory_.size() && from.size() <= memory_.size() - gpa, "writes shared pages");
    put(gpa, from);
    return {};
  }

  Status vmgexit(std::uint64_t ghcb_msr) override {
    require(ghcb_msr == shared.ghcb, "its own GHCB");
    ++exits;
    remember();
    const std::uint8_t flags = input_.u8();
    volatile_ = (flags & 1U) != 0;
    if (flags == 0xFF) return fail(Code::closed, "the machine is gone");
    if ((flags & 2U) != 0) respond();
    for (unsigned count = (flags >> 2U) & 3U; count > 0; --count) scribble();
    if ((flags & 0x10U) != 0) put(shared.certificates, input_.bytes(input_.u8()));
    answer();
    return {};
  }

  std::size_t exits = 0;
  std::vector<Bytes> reports;

 private:
  void put(std::uint64_t gpa, ByteView bytes) {
    std::ranges::copy(bytes, memory_.begin() + static_cast<std::ptrdiff_t>(gpa));
  }

  message::Page request() const {
    message::Page page;
    std::ranges::copy(ByteView(memory_).subspan(shared.request, page.size()), page.begin());
    return page;
  }

  // AES-GCM is broken for good if a number carries two messages.
  void remember() {
    const message::Page page = request();
    const auto envelope = message::read_envelope(page);
    require(envelope && envelope->vmpck == vmpck, "a message under its key");
    const auto [at, first] = emitted_.emplace(envelope->seqno, page);
    require(first || at->second == page, "no number for two messages");
  }

  void respond() {
    const auto opened = firmware_.open(request());
    if (!opened) return;
    message::Page page;
    if (!firmware_.respond(opened->envelope, payload(*opened), page)) return;
    put(shared.response, page);
  }

  Bytes payload(const message::Request& asked) {
    if (asked.envelope.type == snp::MessageType::key_req) {
      snp::KeyResponse response;
      response.status = input_.u8() % 4U == 0 ? input_.u8() : 0U;
      response.derived_key.fill(input_.u8());
      return ByteBuilder().object(response).take();
    }
    const auto fields = ByteReader(asked.payload).object<snp::ReportRequest>();
    require(fields.has_value(), "the guest asks in the right form");
    snp::ReportResponse response;
    response.status = input_.u8() % 4U == 0 ? input_.u8() : 0U;
    response.report_size = sizeof(snp::AttestationReport);
    response.report.version = 3;
    response.report.vmpl = fields->vmpl;
    response.report.report_data = fields->report_data;
    reports.push_back(ByteBuilder().object(response.report).take());
    return ByteBuilder().object(response).take();
  }

  void scribble() {
    const std::uint64_t at = input_.below(4 * ghcb::page_size);
    memory_.at(at) = input_.u8();
  }

  void answer() {
    static constexpr std::array<std::uint32_t, 5> vmm_errors{0, 1, 2, 3, 0xFFFFFFFF};
    const std::uint8_t kind = input_.u8();
    std::uint64_t info1 = ghcb::answer::no_action;
    std::uint64_t info2 = 0;
    if (kind >= 0xF0) {
      info1 = input_.u64();
      info2 = input_.u64();
    } else if (kind >= 0xE0) {
      info1 = ghcb::answer::malformed_input;
      info2 = input_.u8();
    } else if (kind >= 0xD0) {
      info1 = ghcb::answer::issue_exception;
      info2 = ghcb::encode_exception(input_.u8() % 16U);
    } else if (kind >= 0x60) {
      info2 = ghcb::guest_request::encode_exitinfo2(input_.one_of(vmm_errors),
                                                    kind >= 0xC0 ? input_.u8() : 0U);
    }
    put(shared.ghcb + offsetof(abi::ghcb::Page, sw_exitinfo1),
        ByteBuilder().u64(info1).u64(info2).view());
    if ((kind & 1U) != 0) {
      put(shared.ghcb + offsetof(abi::ghcb::Page, rbx),
          ByteBuilder().u64((kind & 2U) != 0 ? input_.u8() : input_.u64()).view());
    }
  }

  Input& input_;
  Bytes memory_;
  bool volatile_ = false;
  message::Responder firmware_{{key_of(0), key_of(1), key_of(vmpck), key_of(3)}};
  std::map<std::uint64_t, message::Page> emitted_;
};

void check(const guest::RequestFailure& failure, const guest::GhcbChannel& channel) {
  require(!failure.error.message.empty(), "a failure has words");
  require(!failure.key_retired || !channel.usable(), "a lost key is not used again");
}

void check(ByteView report, const Host& host) {
  require(std::ranges::any_of(host.reports,
                              [&](const Bytes& own) { return std::ranges::equal(own, report); }),
          "a report is the firmware's");
}

// The channel goes on at another vCPU's pages, which may be fewer.
void move(Input& input, Host& host, guest::GhcbChannel& channel) {
  guest::SharedPages pages = shared;
  pages.certificate_pages = 1U + input.u8() % shared.certificate_pages;
  require(channel.move_to(host, pages).has_value(), "good pages are taken");
}

void call(Input& input, Host& host, guest::GhcbChannel& channel) {
  guest::ReportQuery query;
  query.report_data.fill(input.u8() % 3U);
  query.vmpl = input.u8() % 5U;
  const std::uint8_t kind = input.u8();
  if (kind >= 0xE0) return move(input, host, channel);
  switch (kind % 4U) {
    case 0:
      if (const auto reply = channel.report(query)) {
        check(reply->report, host);
      } else {
        check(reply.error(), channel);
      }
      break;
    case 1: {
      guest::KeyQuery key_query;
      if (input.flag()) key_query.version_2 = guest::FirmwareHasKeyRequestV2{};
      const auto key = channel.derived_key(key_query);
      if (!key) check(key.error(), channel);
      break;
    }
    default:
      if (const auto evidence = channel.extended_report(query)) {
        check(evidence->report, host);
        require(evidence->certificate_table.size() <= shared.certificate_pages * ghcb::page_size,
                "no more pages than there are");
        require(evidence->certificate_table.empty() == evidence->notes.no_certificates.has_value(),
                "no table without a reason");
        require(!guest::to_text(evidence->notes).empty(), "notes have words");
      } else {
        check(evidence.error(), channel);
      }
      break;
  }
}

void run(Input& input) {
  Host host(input);
  ManualClock clock;
  guest::GhcbChannel::Options options;
  options.limits.busy_max = 5;
  options.limits.table_growths_max = 3;
  options.limits.table_pages_first = input.u8() % 4U;
  const auto channel = guest::GhcbChannel::create(message::Requester(key_of(vmpck), vmpck), host,
                                                  shared, clock, options);
  require(channel.has_value(), "the pages are good");
  for (unsigned i = 0; i < calls_max && !input.finished(); ++i) {
    const std::size_t before = host.exits;
    call(input, host, **channel);
    require(host.exits - before <= options.limits.busy_max + options.limits.table_growths_max + 3,
            "the work is bounded");
  }
  if (input.flag())
    require((*channel)->drop_key() && !(*channel)->usable(), "a key can be dropped");
}

void read_responses(Input& input) {
  guest::ReportQuery query;
  query.report_data.fill(input.u8());
  query.vmpl = input.u8();
  query.key_sel = input.u8();
  static_cast<void>(guest::to_request(query));
  const ByteView payload = input.rest();
  if (const auto report = guest::read_report_response(payload, query)) {
    require(report->size() == sizeof(snp::AttestationReport) && !all_zero(*report), "a report");
  }
  if (const auto key = guest::read_key_response(payload)) {
    require(!all_zero(key->view()), "a key");
  }
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  extreq::fuzz::Input input(data, size);
  if (input.flag()) {
    extreq::fuzz::read_responses(input);
  } else {
    extreq::fuzz::run(input);
  }
  return 0;
}
