#include "sim/model_kds.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "firmware/model/installation.hpp"

namespace extreq::sim {
namespace {

using firmware::model::Authority;
using firmware::model::Kds;
using host::CertificateKey;
using host::KdsObject;
using host::KeyKind;
using Kind = KdsFault::Kind;

constexpr int status_ok = 200;
constexpr int status_bad_request = 400;
constexpr int status_not_found = 404;
constexpr int status_too_many_requests = 429;
constexpr int status_server_error = 500;
constexpr std::string_view type_der = "application/octet-stream";
constexpr std::string_view type_pem = "application/x-pem-file";
constexpr std::string_view type_text = "text/plain";
constexpr std::string_view type_html = "text/html";
constexpr std::size_t huge_size = (1U << 20U) + 1;
constexpr std::chrono::days before_all_certificates{8 * 366};  // VCEKs live seven years

ModelKdsAnswer text_answer(int status, std::string_view text, std::string_view type = type_text) {
  ModelKdsAnswer answer;
  answer.status = status;
  answer.content_type = type;
  answer.body = to_bytes(text);
  return answer;
}

// What a mirror answers too: who compares the two finds no difference.
ModelKdsAnswer refusal(int status, std::string_view why) {
  return text_answer(status, fmt::format("{}\n", why));
}

ModelKdsAnswer nothing_for(const host::KdsRequest& request) {
  return refusal(status_not_found, "the key service has no " + host::explain(request));
}

ModelKdsAnswer failed(const Error& error) {
  switch (error.code) {
    case Code::not_found:
      return refusal(status_not_found, error.message);
    case Code::invalid_input:
      return refusal(status_bad_request, error.message);
    default:
      return refusal(status_server_error, error.message);
  }
}

ModelKdsAnswer der_answer(const Result<crypto::Certificate>& certificate) {
  if (!certificate) return failed(certificate.error());
  ModelKdsAnswer answer;
  answer.content_type = type_der;
  answer.body = certificate->der();
  return answer;
}

// An authority whose certificates have the names of the real one, and other keys.
Result<Authority> other_authority(const Kds& kds, std::chrono::sys_seconds now) {
  const auto& keys = kds.authority().keys();
  return Authority::create({keys.asvk, keys.ark, keys.ask}, kds.product(), now);
}

// The service of another chip, of long ago, or under another root. Each is made for one answer.
Result<std::unique_ptr<Kds>> impostor(const Kds& kds, Kind wrong, Clock& clock) {
  firmware::model::Installation installation;
  installation.product = kds.product();
  if (wrong != Kind::wrong_chip) installation.chip_id = kds.chip_id();
  EXTREQ_TRY_ASSIGN(const auto platform, new_platform(installation, clock));
  auto authority = kds.authority();
  if (wrong == Kind::other_root) {
    EXTREQ_TRY_ASSIGN(authority, other_authority(kds, clock.utc()));
  }
  return std::make_unique<Kds>(std::move(authority), platform, clock, std::string(), UniqueFd());
}

Result<crypto::Certificate> issue(Kds& kds, const CertificateKey& key, const std::string& csp_id) {
  return key.kind == KeyKind::vlek ? kds.vlek(csp_id, key.tcb) : kds.vcek(key.tcb);
}

Result<crypto::Certificate> issue_wrongly(const Kds& kds, CertificateKey key, std::string csp_id,
                                          Kind wrong, const Clock& clock) {
  ManualClock then(clock.utc() -
                   (wrong == Kind::expired ? before_all_certificates : std::chrono::days(0)));
  if (wrong == Kind::wrong_tcb) key.tcb.microcode ^= 1U;
  if (wrong == Kind::wrong_chip) csp_id += "-other";
  EXTREQ_TRY_ASSIGN(const auto other, impostor(kds, wrong, then));
  return issue(*other, key, csp_id);
}

// Issued some time ago, or under another root.
Result<crypto::RevocationList> issue_list_wrongly(const Kds& kds, Kind wrong, const Clock& clock) {
  std::chrono::days ago(0);
  if (wrong == Kind::expired) ago = before_all_certificates;
  if (wrong == Kind::older) ago = std::chrono::days(1);
  ManualClock then(clock.utc() - ago);
  EXTREQ_TRY_ASSIGN(const auto other, impostor(kds, wrong, then));
  return other->revocation_list();
}

bool is_wrong_certificate(Kind kind) {
  return kind == Kind::wrong_chip || kind == Kind::wrong_tcb || kind == Kind::expired ||
         kind == Kind::other_root || kind == Kind::older;
}

}  // namespace

ModelKds::ModelKds(Kds& kds, ModelKdsOptions options)
    : kds_(kds),
      options_(std::move(options)),
      leaves_(1, options_.leaf_interval, *options_.clock) {}

ModelKdsAnswer ModelKds::answer(std::string_view path) {
  ++asked_;
  const auto request = host::parse_kds_path(path);
  if (!request) return failed(request.error());
  const auto fault = faults_.take(request->object);
  if (!fault) return answer_to(*request, std::nullopt);
  if (fault->kind == Kind::status) {
    auto answer = text_answer(fault->status, "scripted");
    answer.retry_after = fault->retry_after;
    return answer;
  }
  if (fault->kind == Kind::garbage) {
    return text_answer(status_ok, "<html><body>Please log in</body></html>", type_html);
  }
  if (fault->kind == Kind::huge) return text_answer(status_ok, std::string(huge_size, 'x'));
  auto answer = answer_to(
      *request, is_wrong_certificate(fault->kind) ? std::optional(fault->kind) : std::nullopt);
  answer.delay = fault->delay;
  answer.truncated = fault->kind == Kind::truncated;
  return answer;
}

ModelKdsAnswer ModelKds::answer_to(const host::KdsRequest& request, std::optional<Kind> wrong) {
  if (request.key.product != kds_.product()) {
    return nothing_for(request);
  }
  switch (request.object) {
    case KdsObject::leaf:
      return leaf(request, wrong);
    case KdsObject::cert_chain:
      return cert_chain(request.key.kind, wrong);
    case KdsObject::crl:
      return crl(wrong);
  }
  return nothing_for(request);
}

// The ARK issues both kinds' lists: the model's are one.
ModelKdsAnswer ModelKds::crl(std::optional<Kind> wrong) {
  const auto list =
      wrong ? issue_list_wrongly(kds_, *wrong, *options_.clock) : kds_.revocation_list();
  if (!list) return failed(list.error());
  ModelKdsAnswer answer;
  answer.content_type = type_der;
  answer.body = list->der();
  return answer;
}

ModelKdsAnswer ModelKds::leaf(const host::KdsRequest& request, std::optional<Kind> wrong) {
  const CertificateKey& key = request.key;
  if (const auto wait = leaves_.take(); wait > Clock::Duration::zero()) {
    auto answer = text_answer(status_too_many_requests, "too many requests");
    answer.retry_after = fmt::format("{}", std::chrono::ceil<std::chrono::seconds>(wait).count());
    return answer;
  }
  const ByteView chip(kds_.chip_id());
  if (key.kind == KeyKind::vcek && !std::ranges::equal(key.holder, chip.first(key.holder.size()))) {
    return nothing_for(request);
  }
  if (!wrong || *wrong == Kind::older) return der_answer(issue(kds_, key, options_.csp_id));
  return der_answer(issue_wrongly(kds_, key, options_.csp_id, *wrong, *options_.clock));
}

ModelKdsAnswer ModelKds::cert_chain(KeyKind kind, std::optional<Kind> wrong) {
  const auto chain_of = [&]() -> Result<std::string> {
    auto authority = kds_.authority();
    if (wrong == Kind::other_root) {
      EXTREQ_TRY_ASSIGN(authority, other_authority(kds_, options_.clock->utc()));
    }
    const auto& intermediate = kind == KeyKind::vlek ? authority.asvk() : authority.ask();
    EXTREQ_TRY_ASSIGN(const std::string first, intermediate.to_pem());
    EXTREQ_TRY_ASSIGN(const std::string second, authority.ark().to_pem());
    return first + second;
  };
  const auto chain = chain_of();
  if (!chain) return failed(chain.error());
  return text_answer(status_ok, *chain, type_pem);
}

Result<host::HttpResponse> ModelKdsHttp::get(const host::HttpRequest& request) {
  std::string_view path = request.url;
  if (const auto scheme = path.find("://"); scheme != std::string_view::npos) {
    path.remove_prefix(scheme + 3);
  }
  path.remove_prefix(std::min(path.find('/'), path.size()));
  auto answer = kds_.answer(path);
  if (answer.delay > request.max_wait) {
    clock_.sleep_for(request.max_wait);
    return fail(Code::busy, "{}: no answer in time", request.url);
  }
  clock_.sleep_for(answer.delay);
  if (answer.truncated) {
    return fail(Code::io, "{}: the connection closed after {} of {} bytes", request.url,
                answer.body.size() / 2, answer.body.size());
  }
  if (answer.body.size() > request.size_limit) {
    return fail(Code::too_small, "{}: the answer has more than {} bytes", request.url,
                request.size_limit);
  }
  return host::HttpResponse{answer.status, std::move(answer.retry_after), std::move(answer.body)};
}

}  // namespace extreq::sim
