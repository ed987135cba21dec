#include "guest/ghcb_channel.hpp"

#include <utility>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/try.hpp"
#include "guest/response.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;

RequestFailure busy_failure(const BusyRetry& busy, const Notes& notes) {
  const char* why = busy.stop_requested() ? "a stop was requested" : "the limits are reached";
  RequestFailure failure(Error{
      Code::busy,
      fmt::format("guest request: the host is busy and {} ({}); the message stays pending and the "
                  "next call sends it again: ask again later",
                  why, to_text(notes))});
  failure.vmm_error = abi::ghcb::guest_request::vmm_error_busy;
  return failure;
}

}  // namespace

Result<std::unique_ptr<GhcbChannel>> GhcbChannel::create(message::Requester requester,
                                                         GhcbPort& port, const SharedPages& pages,
                                                         Clock& clock, Options options) {
  EXTREQ_TRY(check(pages));
  return std::unique_ptr<GhcbChannel>(
      new GhcbChannel(std::move(requester), port, pages, clock, std::move(options)));
}

GhcbChannel::GhcbChannel(message::Requester requester, GhcbPort& port, const SharedPages& pages,
                         Clock& clock, Options options) noexcept
    : requester_(std::move(requester)),
      exchange_(port, pages),
      clock_(clock),
      options_(std::move(options)),
      offer_(options_.limits, pages.certificate_pages) {}

Status GhcbChannel::move_to(GhcbPort& port, const SharedPages& pages) {
  EXTREQ_TRY(check(pages));
  exchange_ = GhcbExchange(port, pages);
  // The size that sufficed is the host's, not the processor's: it is asked for only once.
  offer_.move_to(options_.limits, pages.certificate_pages);
  return {};
}

RequestResult<ReportReply> GhcbChannel::report(const ReportQuery& query) {
  EXTREQ_TRY_ASSIGN(const snp::ReportRequest request, to_request(query));
  Call call = begin();
  EXTREQ_TRY_ASSIGN(const Response answer,
                    ask({snp::MessageType::report_req, snp::message_version_1,
                         ByteBuilder(sizeof(request)).object(request).take()},
                        ExitKind::plain, call));
  EXTREQ_TRY_ASSIGN(Bytes report, read_report_response(answer.payload, query));
  return ReportReply{std::move(report), call.notes};
}

RequestResult<Evidence> GhcbChannel::extended_report(const ReportQuery& query) {
  EXTREQ_TRY_ASSIGN(const snp::ReportRequest request, to_request(query));
  Call call = begin();
  EXTREQ_TRY_ASSIGN(const Response answer,
                    ask({snp::MessageType::report_req, snp::message_version_1,
                         ByteBuilder(sizeof(request)).object(request).take()},
                        ExitKind::extended, call));
  EXTREQ_TRY_ASSIGN(Bytes report, read_report_response(answer.payload, query));
  Bytes table;
  if (answer.table_pages) {
    EXTREQ_TRY_ASSIGN(table, exchange_.fetch_table(*answer.table_pages));
    if (is_empty_table(table)) {
      call.notes.no_certificates = NoCertificates::host_has_none;
      table.clear();
    }
  }
  return Evidence{std::move(report), std::move(table), call.notes};
}

RequestResult<DerivedKey> GhcbChannel::derived_key(const KeyQuery& query) {
  snp::KeyRequestV2 request;
  request.v1.root_key_select = query.root_key_select;
  request.v1.guest_field_select = query.guest_field_select;
  request.v1.vmpl = query.vmpl;
  request.v1.guest_svn = query.guest_svn;
  request.v1.tcb_version = query.tcb_version;
  ByteBuilder payload(sizeof(request));
  if (query.version_2) {
    request.launch_mit_vector = query.version_2->launch_mit_vector;
    payload.object(request);
  } else {
    payload.object(request.v1);
  }
  Call call = begin();
  EXTREQ_TRY_ASSIGN(
      Response answer,
      ask({snp::MessageType::key_req,
           query.version_2 ? snp::key_req_version_2 : snp::message_version_1, payload.take()},
          ExitKind::plain, call));
  auto key = read_key_response(answer.payload);
  wipe(answer.payload);
  return key;
}

Status GhcbChannel::drop_key() {
  requester_.retire();
  unanswered_.reset();
  return {};
}

GhcbChannel::Call GhcbChannel::begin() {
  offer_.begin();
  return Call{BusyRetry(options_.limits, clock_, options_.stop), Notes{}};
}

RequestResult<GhcbChannel::Response> GhcbChannel::ask(const Question& question, ExitKind exit,
                                                      Call& call) {
  if (requester_.pending() && unanswered_ != question) {
    // Its answer is nobody's any more, but its number must be used up before the next one.
    EXTREQ_TRY_ASSIGN(Response forgotten, send_until_answered(ExitKind::plain, call));
    wipe(forgotten.payload);
  }
  if (!requester_.pending()) {
    if (auto sealed = requester_.seal(question.type, question.version, question.payload); !sealed) {
      RequestFailure failure(std::move(sealed).error());
      failure.key_retired = requester_.retired();
      return failed(std::move(failure));
    }
    unanswered_ = question;
  }
  return send_until_answered(exit, call);
}

RequestResult<GhcbChannel::Response> GhcbChannel::send_until_answered(ExitKind exit, Call& call) {
  // From extended to plain at most once: the same message, without certificates.
  const auto without_certificates = [&](NoCertificates why) {
    call.notes.no_certificates = why;
    exit = ExitKind::plain;
  };
  for (;;) {
    std::optional<std::uint64_t> table_pages;
    if (exit == ExitKind::extended) table_pages = offer_.pages();
    EXTREQ_TRY(exchange_.place(*requester_.pending(), table_pages));
    ++call.notes.sends;
    const auto answer = exchange_.exit(exit);
    if (!answer) return lose_key(answer.error());
    switch (answer->kind) {
      case GhcbReturn::Kind::answered: {
        EXTREQ_TRY_ASSIGN(Bytes payload, open_response());
        return Response{std::move(payload), table_pages};
      }
      case GhcbReturn::Kind::busy:
        ++call.notes.busy;
        if (!call.busy.wait(call.notes)) return failed(busy_failure(call.busy, call.notes));
        break;
      case GhcbReturn::Kind::too_few_pages:
        if (const auto why = offer_.grow(answer->pages_wanted, call.notes)) {
          without_certificates(*why);
        }
        break;
      case GhcbReturn::Kind::no_certificates:
        without_certificates(NoCertificates::host_has_none);
        break;
      case GhcbReturn::Kind::unknown_event:
        without_certificates(NoCertificates::not_supported);
        break;
      case GhcbReturn::Kind::not_taken:
        return fail(Code::invalid_input,
                    "guest request: {}; the message was not passed on: it stays pending and the "
                    "next call sends it again, once this is mended",
                    answer->why);
      case GhcbReturn::Kind::failed:
        return lose_key(*answer);
    }
  }
}

RequestResult<Bytes> GhcbChannel::open_response() {
  const auto page = exchange_.fetch_response();
  if (!page) return lose_key(page.error());
  auto payload = requester_.open_response(*page);
  // Whatever is wrong with the page, it is not the firmware's answer to this message.
  if (!payload) return lose_key(Error{Code::not_genuine, std::move(payload).error().message});
  unanswered_.reset();
  return *std::move(payload);
}

tl::unexpected<RequestFailure> GhcbChannel::lose_key(Error why) {
  static_cast<void>(drop_key());
  why.message += key_retired_advice();
  RequestFailure failure(std::move(why));
  failure.key_retired = true;
  return failed(std::move(failure));
}

tl::unexpected<RequestFailure> GhcbChannel::lose_key(const GhcbReturn& answer) {
  if (!answer.why.empty()) {
    return lose_key(Error{Code::closed, fmt::format("guest request: {}", answer.why)});
  }
  static_cast<void>(drop_key());
  return failed(failure_of_command(answer.vmm_error, answer.firmware_status, KeyState::retired));
}

}  // namespace extreq::guest
