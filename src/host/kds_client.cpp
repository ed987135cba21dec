#include "host/kds_client.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "base/try.hpp"
#include "host/retry_after.hpp"

namespace extreq::host {
namespace {

constexpr int status_ok = 200;
constexpr int status_not_found = 404;
constexpr int status_request_timeout = 408;
constexpr int status_too_many_requests = 429;
constexpr int status_server_errors = 500;
constexpr std::size_t max_chain = 8;  // two, and what a service may add one day

double in_seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

bool asks_for_patience(int status) {
  return status == status_request_timeout || status == status_too_many_requests ||
         status >= status_server_errors;
}

// A service that answers with a web page is the usual misconfiguration of proxies.
std::string first_words(ByteView body) {
  constexpr std::size_t longest = 80;
  std::string text;
  for (const std::uint8_t byte : body.first(std::min(body.size(), longest))) {
    text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
  }
  return text;
}

tl::unexpected<Error> wrong_answer(const KdsRequest& request, const std::string& what) {
  return fail(Code::not_genuine, "KDS answered wrongly to {}: {}", explain(request), what);
}

}  // namespace

KdsClient::KdsClient(HttpClient& http, KdsOptions options)
    : http_(http),
      options_(std::move(options)),
      leaves_(options_.leaf_burst, options_.leaf_interval, *options_.clock) {}

Result<crypto::Certificate> KdsClient::leaf(const CertificateKey& key, Clock::Duration max_wait) {
  const KdsRequest request{KdsObject::leaf, key};
  EXTREQ_TRY_ASSIGN(const Bytes body, fetch(request, max_wait));
  const auto leaf = crypto::Certificate::from_der(body);
  if (!leaf) {
    return wrong_answer(request, fmt::format("no certificate: {}; it begins \"{}\"",
                                             leaf.error().message, first_words(body)));
  }
  const auto found = key_of(*leaf);
  if (!found) return wrong_answer(request, found.error().message);
  CertificateKey wanted = key;
  if (key.kind == KeyKind::vlek && key.holder.empty()) wanted.holder = found->holder;
  if (*found != wanted) return wrong_answer(request, "a " + to_text(*found));
  return *leaf;
}

Result<std::vector<crypto::Certificate>> KdsClient::cert_chain(attestation::Product product,
                                                               KeyKind kind,
                                                               Clock::Duration max_wait) {
  const KdsRequest request{KdsObject::cert_chain, {product, kind, {}, {}}};
  EXTREQ_TRY_ASSIGN(const Bytes body, fetch(request, max_wait));
  auto chain = crypto::Certificate::from_pem_or_der(body);
  if (!chain) {
    return wrong_answer(
        request, fmt::format("{}; it begins \"{}\"", chain.error().message, first_words(body)));
  }
  if (chain->size() > max_chain) {
    return wrong_answer(request, fmt::format("{} certificates", chain->size()));
  }
  using attestation::Role;
  const auto has = [&](Role role) {
    return std::ranges::any_of(*chain, [&](const crypto::Certificate& certificate) {
      const auto subject = attestation::subject_of(certificate);
      return subject && subject->role == role && subject->product == product;
    });
  };
  const Role intermediate = kind == KeyKind::vlek ? Role::asvk : Role::ask;
  if (!has(intermediate) || !has(Role::ark)) {
    return wrong_answer(
        request, fmt::format("no {} or no ARK of {} in it", attestation::to_text(intermediate),
                             attestation::kds_name(product)));
  }
  return chain;
}

Result<crypto::RevocationList> KdsClient::crl(attestation::Product product, KeyKind kind,
                                              Clock::Duration max_wait) {
  const KdsRequest request{KdsObject::crl, {product, kind, {}, {}}};
  EXTREQ_TRY_ASSIGN(const Bytes body, fetch(request, max_wait));
  auto list = crypto::RevocationList::from_pem_or_der(body);
  if (list) return list;
  return wrong_answer(request, fmt::format("no CRL: {}; it begins \"{}\"", list.error().message,
                                           first_words(body)));
}

std::map<int, std::uint64_t> KdsClient::status_counts() const {
  const std::lock_guard guard(mutex_);
  return statuses_;
}

void KdsClient::count(int status) {
  const std::lock_guard guard(mutex_);
  ++statuses_[status];
}

Result<Bytes> KdsClient::fetch(const KdsRequest& request, Clock::Duration max_wait) {
  EXTREQ_TRY_ASSIGN(const std::string path, kds_path(request));
  const auto deadline = options_.clock->now() + max_wait;
  // A VLEK's path does not name whose it is.
  const std::string name = path + " " + to_hex(request.key.holder);
  return flights_.run(name, max_wait, [&] { return fetch_alone(request, deadline); });
}

Result<Bytes> KdsClient::fetch_alone(const KdsRequest& request, Clock::TimePoint deadline) {
  EXTREQ_TRY_ASSIGN(const std::string path, kds_path(request));
  const std::string url = kds_url(options_.base_url, path);
  const std::size_t limit =
      request.object == KdsObject::crl ? options_.crl_size_limit : options_.size_limit;
  std::string last_cause;
  for (unsigned attempt = 0;; ++attempt) {
    EXTREQ_TRY(wait_for_turn(request, deadline, last_cause));
    const auto left = deadline - options_.clock->now();
    const auto response = http_.get({url, limit, std::min(left, options_.request_timeout)});
    count(response ? response->status : 0);
    if (response && response->status == status_ok) {
      if (response->body.empty()) return wrong_answer(request, "nothing");
      return response->body;
    }
    Try result{false, options_.first_pause * (1U << std::min(attempt, 6U)), {}};
    if (response) {
      result = judge(request, *response, attempt);
    } else {
      result.error = response.error();
      result.final = result.error.code == Code::too_small;
    }
    if (result.final) return tl::unexpected(std::move(result.error));
    last_cause = std::move(result.error.message);
    const std::lock_guard guard(mutex_);
    not_before_ = std::max(not_before_,
                           options_.clock->now() + std::min(result.pause, options_.longest_pause));
  }
}

KdsClient::Try KdsClient::judge(const KdsRequest& request, const HttpResponse& response,
                                unsigned attempt) {
  if (response.status == status_not_found) {
    return {
        true,
        {},
        {Code::not_found,
         fmt::format("KDS has no such {} (404): {}. Compare each value with the "
                     "platform's: the TCB is the reported one, not the current one",
                     request.object == KdsObject::crl ? "list" : "certificate", explain(request))}};
  }
  if (!asks_for_patience(response.status)) {
    return {true,
            {},
            {Code::io, fmt::format("KDS answered with status {} to {}: \"{}\"", response.status,
                                   explain(request), first_words(response.body))}};
  }
  Clock::Duration pause = options_.first_pause * (1U << std::min(attempt, 6U));
  std::string said = "without Retry-After";
  const auto longest = std::chrono::floor<std::chrono::seconds>(options_.longest_pause);
  if (const auto retry = parse_retry_after(response.retry_after, options_.clock->utc(), longest)) {
    pause = *retry;
    said = fmt::format("with Retry-After {}", response.retry_after);
  }
  // A service that says "now" gets a moment all the same.
  pause = std::max(pause, options_.first_pause);
  return {false, pause, {Code::busy, fmt::format("status {} {}", response.status, said)}};
}

Status KdsClient::wait_for_turn(const KdsRequest& request, Clock::TimePoint deadline,
                                const std::string& last_cause) {
  Clock& clock = *options_.clock;
  const std::string cause = last_cause.empty() ? "" : "; the last answer: " + last_cause;
  for (;;) {
    const auto now = clock.now();
    Clock::Duration wait{};
    {
      const std::lock_guard guard(mutex_);
      wait = not_before_ - now;
    }
    const char* why = "the service asked for patience";
    if (wait <= Clock::Duration::zero()) {
      // Chains and CRLs are not limited by the service.
      if (request.object != KdsObject::leaf) {
        wait = Clock::Duration::zero();
      } else {
        wait = leaves_.take();
        why = "the service takes one such request in ten seconds";
      }
      if (wait == Clock::Duration::zero()) {
        if (now < deadline) return {};
        return fail(Code::busy, "KDS: the time for {} is over{}", explain(request), cause);
      }
    }
    if (now + wait >= deadline) {
      return fail(Code::busy,
                  "KDS: {} can be asked in {:.1f} s at the earliest ({}), {:.1f} s are left{}",
                  explain(request), in_seconds(wait), why,
                  std::max(0.0, in_seconds(deadline - now)), cause);
    }
    clock.sleep_for(wait);
  }
}

}  // namespace extreq::host
