#include "fleet/mirror.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"

namespace extreq::fleet {
namespace {

constexpr const char* type_der = "application/octet-stream";
constexpr const char* type_pem = "application/x-pem-file";
constexpr const char* for_good = "public, max-age=31536000, immutable";
constexpr const char* for_a_day = "public, max-age=86400";
constexpr const char* for_minutes = "public, max-age=600";
constexpr Clock::Duration longest_nap = std::chrono::seconds(1);

MirrorAnswer found(std::string body, const char* type, const char* cache_control) {
  MirrorAnswer answer;
  answer.content_type = type;
  answer.cache_control = cache_control;
  answer.body = std::move(body);
  return answer;
}

CrlKeeper::Options crl_options(const Mirror::Options& options) {
  CrlKeeper::Options crls = options.crls;
  crls.owner = options.scheduler.owner;
  crls.lease = options.scheduler.lease;
  crls.clock = options.scheduler.clock;
  return crls;
}

MirrorAnswer nothing_for(const host::KdsRequest& request) {
  return plain_answer(404, "the key service has no " + host::explain(request));
}

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Mirror::Mirror(host::CertificateStore& store, MirrorRecords& records, WorkLedger& ledger,
               std::vector<Upstream*> upstreams, Options options)
    : store_(store),
      records_(records),
      ledger_(ledger),
      upstreams_(std::move(upstreams)),
      options_(std::move(options)),
      scheduler_(
          ledger,
          [this](const std::string& item) -> Result<bool> {
            EXTREQ_TRY_ASSIGN(const auto request, host::parse_kds_path(item));
            EXTREQ_TRY_ASSIGN(const auto leaf, stored(request.key));
            return leaf.has_value();
          },
          options_.scheduler),
      crls_(ledger, crl_ports(), crl_options(options_)) {
  if (!options_.layout_folder.empty()) layout_.emplace(options_.layout_folder);
  for (std::size_t route = 0; route < upstreams_.size(); ++route) {
    drivers_.emplace_back([this, route] { drive(route); });
  }
  drivers_.emplace_back([this] { drive_crls(); });
}

Mirror::~Mirror() {
  stop();
  for (auto& driver : drivers_) driver.join();
}

void Mirror::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  news_.notify_all();
}

bool Mirror::ready() { return !stopping_ && ledger_.is_absent("").has_value(); }

void Mirror::log(const std::string& line) const {
  if (options_.log != nullptr) options_.log(line);
}

MirrorAnswer Mirror::answer(const std::string& path) {
  const auto request = host::parse_kds_path(path);
  if (!request) {
    ++counters_.refused;
    return plain_answer(request.error().code == Code::not_found ? 404 : 400,
                        request.error().message);
  }
  if (request->object == host::KdsObject::cert_chain) return answer_chain(*request);
  if (request->object == host::KdsObject::crl) return answer_crl(*request);
  const auto item = host::kds_path(*request);  // in its one canonical spelling
  return item ? answer_leaf(*request, *item) : plain_answer(400, item.error().message);
}

MirrorAnswer Mirror::unavailable(const std::string& why) {
  constexpr std::size_t longest_s = 3600;
  ++counters_.waited_in_vain;
  MirrorAnswer answer = plain_answer(503, why);
  // Demand is served first; how much of what is pending is demand is not worth counting.
  const auto& routes = options_.scheduler.routes;
  const auto interval = std::chrono::ceil<std::chrono::seconds>(
      routes.empty() ? std::chrono::seconds(10) : routes.front().interval);
  const std::size_t waves = waiting_ / std::max<std::size_t>(routes.size(), 1) + 1;
  answer.retry_after_s = static_cast<unsigned>(
      std::clamp<std::size_t>(waves * static_cast<std::size_t>(interval.count()), 1, longest_s));
  return answer;
}

MirrorAnswer Mirror::store_failed(const Error& error) {
  ++counters_.store_failures;
  log("store: " + error.message);
  return unavailable("the mirror's store does not answer");
}

// A VLEK's path does not say whose it is: with several providers' at hand none is right.
Result<std::optional<crypto::Certificate>> Mirror::stored(const host::CertificateKey& key) {
  EXTREQ_TRY_ASSIGN(const auto leaves, store_.leaves(key));
  std::optional<Bytes> holder;
  const auto now = options_.scheduler.clock->utc();
  std::optional<crypto::Certificate> result;
  for (const auto& leaf : leaves) {
    if (leaf.not_after() < now) continue;
    EXTREQ_TRY_ASSIGN(const auto own_key, host::key_of(leaf));
    if (holder && *holder != own_key.holder) {
      return fail(Code::unsupported, "the store has {} of several providers", to_text(key));
    }
    holder = own_key.holder;
    if (!result) result.emplace(leaf);
  }
  return result;
}

MirrorAnswer Mirror::answer_leaf(const host::KdsRequest& request, const std::string& item) {
  const Clock::TimePoint deadline = options_.scheduler.clock->now() + options_.patience;
  for (bool first = true;; first = false) {
    const auto leaf = stored(request.key);
    if (!leaf) return store_failed(leaf.error());
    if (*leaf) {
      if (first) ++counters_.hits;
      lay_out(request.key, **leaf);
      return found(text_of((*leaf)->der()), type_der, for_good);
    }
    const auto absent = ledger_.is_absent(item);
    if (!absent) return store_failed(absent.error());
    if (*absent) {
      ++counters_.absent;
      return nothing_for(request);
    }
    scheduler_.want(item, Urgency::demand);
    if (first) {
      ++counters_.misses;
      news_.notify_all();  // the drivers; once, or those who wait would wake each other for ever
    }
    if (!wait_for_news(deadline)) return unavailable("the certificate is being fetched");
  }
}

bool Mirror::wait_for_news(Clock::TimePoint deadline) {
  if (waiting_.fetch_add(1) >= options_.waiting_max || stopping_) {
    --waiting_;
    return false;
  }
  const Clock::Duration left = deadline - options_.scheduler.clock->now();
  if (left > Clock::Duration::zero()) pause(std::min(left, longest_nap));
  --waiting_;
  return left > Clock::Duration::zero() && !stopping_;
}

// Until there is news, or so long: what another instance does is seen by looking again.
void Mirror::pause(Clock::Duration at_most) {
  std::unique_lock lock(mutex_);
  if (!stopping_) news_.wait_for(lock, at_most);
}

// The service's own text; without it (a store that was filled by hand) ASK or ASVK and then the
// ARK.
Result<std::string> Mirror::stored_chain(const host::KdsRequest& request) {
  EXTREQ_TRY_ASSIGN(const auto text, records_.chain(request.key.product, request.key.kind));
  if (text) return text_of(*text);
  EXTREQ_TRY_ASSIGN(const auto all, store_.authorities(request.key.product, request.key.kind));
  for (const auto& intermediate : all) {
    if (intermediate.issued_by_name(intermediate)) continue;
    for (const auto& root : all) {
      if (!root.issued_by_name(root) || !intermediate.check_signed_by(root)) continue;
      EXTREQ_TRY_ASSIGN(const std::string first, intermediate.to_pem());
      EXTREQ_TRY_ASSIGN(const std::string second, root.to_pem());
      return first + second;
    }
  }
  return fail(Code::not_found, "the store has no chain for {}", host::explain(request));
}

MirrorAnswer Mirror::answer_chain(const host::KdsRequest& request) {
  const auto name = host::kds_path(request);
  if (!name) return plain_answer(400, name.error().message);
  const auto fetch = [&]() -> Result<std::string> {
    auto chain = stored_chain(request);
    if (chain || chain.error().code != Code::not_found) return chain;
    EXTREQ_TRY(upstreams_.front()->fetch_chain(request.key.product, request.key.kind));
    return stored_chain(request);
  };
  const auto chain = chains_.run(*name, options_.patience, fetch);
  if (chain) return found(*chain, type_pem, for_a_day);
  log(*name + ": " + chain.error().message);
  if (chain.error().code == Code::not_found) return nothing_for(request);
  return unavailable("the chain cannot be had now");
}

MirrorAnswer Mirror::answer_crl(const host::KdsRequest& request) {
  const Clock::TimePoint deadline = options_.scheduler.clock->now() + options_.patience;
  for (bool first = true;; first = false) {
    auto crl = crls_.look(request.key.product, request.key.kind);
    if (!crl) return nothing_for(request);
    if (*crl) {
      const bool stale = (*crl)->stale;
      MirrorAnswer answer = found(text_of((*crl)->der), type_der, stale ? "no-store" : for_minutes);
      answer.stale = stale;
      return answer;
    }
    if (first) news_.notify_all();
    if (!wait_for_news(deadline)) return unavailable("the CRL cannot be had now");
  }
}

CrlKeeper::Ports Mirror::crl_ports() {
  return {[this](attestation::Product product, host::KeyKind kind) {
            return upstreams_.front()->stored_crl(product, kind);
          },
          [this](attestation::Product product, host::KeyKind kind) {
            return fetch_crl(product, kind);
          }};
}

// By the first route that reaches the service.
Result<host::StoredCrl> Mirror::fetch_crl(attestation::Product product, host::KeyKind kind) {
  Result<host::StoredCrl> crl = fail(Code::io, "there is no route to the key service");
  for (Upstream* upstream : upstreams_) {
    crl = upstream->fetch_crl(product, kind);
    if (crl || crl.error().code != Code::io) break;
  }
  return crl;
}

// What was stored before there was a layout, or by who had no time to write it, is laid out when it
// is asked for.
void Mirror::lay_out(const host::CertificateKey& key, const crypto::Certificate& leaf) const {
  if (!layout_ || key.kind != host::KeyKind::vcek) return;
  const auto published = layout_->publish(key, leaf);
  if (!published) log("layout: " + published.error().message);
}

void Mirror::drive(std::size_t route) {
  while (!stopping_) {
    const auto step = scheduler_.next(route);
    if (!step) {
      log("ledger: " + step.error().message);
      pause(longest_nap);
    } else if (step->kind == FetchScheduler::Step::Kind::fetch) {
      fetch(step->item, route);
    } else {
      const bool idle = step->kind == FetchScheduler::Step::Kind::idle;
      pause(idle ? longest_nap : std::min(step->pause, longest_nap));
    }
  }
}

void Mirror::drive_crls() {
  while (!stopping_) {
    const CrlKeeper::Turn turn = crls_.work();
    for (const std::string& problem : turn.problems) log(problem);
    if (turn.news) news_.notify_all();
    pause(std::min(turn.pause, longest_nap));
  }
}

void Mirror::fetch(const std::string& item, std::size_t route) {
  Upstream::Fetched fetched;
  const auto request = host::parse_kds_path(item);
  if (request) {
    fetched = upstreams_[route]->fetch_leaf(request->key);
  } else {
    fetched = {{Outcome::Kind::absent, {}}, request.error().message, {}};
  }
  if (!fetched.problem.empty()) log(item + ": " + fetched.problem);
  if (fetched.leaf) lay_out(request->key, *fetched.leaf);
  const auto noted = scheduler_.finished(item, route, fetched.outcome);
  if (!noted) log("ledger: " + noted.error().message);
  news_.notify_all();
}

MirrorCounts Mirror::counts() const {
  return {counters_.hits,   counters_.misses,  counters_.waited_in_vain,
          counters_.absent, counters_.refused, counters_.store_failures};
}

std::string Mirror::metrics() const {
  const MirrorCounts now = counts();
  std::string text;
  const auto metric = [&](const char* name, const char* type, const char* help, auto value) {
    text += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
  };
  metric("extreq_mirror_hits_total", "counter", "Leaves answered from the store.", now.hits);
  metric("extreq_mirror_misses_total", "counter", "Leaves that had to be fetched.", now.misses);
  metric("extreq_mirror_unavailable_total", "counter", "Requests answered 503.",
         now.waited_in_vain);
  metric("extreq_mirror_absent_total", "counter", "Leaves the service does not have.", now.absent);
  metric("extreq_mirror_refused_total", "counter", "Requests that are no KDS request.",
         now.refused);
  metric("extreq_mirror_store_failures_total", "counter", "Requests the store failed.",
         now.store_failures);
  metric("extreq_mirror_waiting", "gauge", "Requests that wait for a fetch.", waiting_.load());
  metric("extreq_mirror_pending", "gauge", "Leaves wanted and not there yet.",
         scheduler_.pending());
  const CrlKeeper::Counts crls = crls_.counts();
  metric("extreq_mirror_crls", "gauge", "CRLs that are kept.", crls.kept);
  metric("extreq_mirror_stale_crls", "gauge", "Of those, past their nextUpdate.", crls.stale);
  text +=
      "# HELP extreq_mirror_upstream_total Answers of the key service; 0: none came.\n"
      "# TYPE extreq_mirror_upstream_total counter\n";
  for (std::size_t route = 0; route < upstreams_.size(); ++route) {
    for (const auto& [status, count] : upstreams_[route]->status_counts()) {
      text += fmt::format("extreq_mirror_upstream_total{{route=\"{}\",status=\"{}\"}} {}\n",
                          options_.scheduler.routes[route].name, status, count);
    }
  }
  return text;
}

}  // namespace extreq::fleet
