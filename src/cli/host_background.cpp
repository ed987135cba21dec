#include "cli/host_background.hpp"

#include "cli/service_log.hpp"
#include "host/crl_check.hpp"

namespace extreq::cli {
namespace {

bool under_way(const std::future<void>& running) {
  return running.valid() && running.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

}  // namespace

void Prefetcher::start(const host::SigningState& next) {
  if (under_way(running_)) return;
  running_ = std::async(std::launch::async, [this, next] { fetch(next); });
}

void Prefetcher::fetch(const host::SigningState& next) {
  Status done;
  if (const auto key = host::key_for(next)) {
    done = parts_.tables().prefetch(*key);
  } else {
    done = tl::unexpected(key.error());
  }
  if (done) return;
  log_line(Priority::warning, "not at hand for the next SNP_COMMIT: " + done.error().message);
}

CrlTask::CrlTask(HostParts& parts, Clock::Duration max_wait)
    : refresher_(parts.store(), *parts.kds(), parts.anchors(), {.max_wait = max_wait}) {}

Clock::Duration CrlTask::turn(const host::SigningState& state) {
  constexpr Clock::Duration glance = std::chrono::milliseconds(200);
  // A list that came since take_news() was asked is not left until the next turn.
  if (under_way(running_) || news_) return glance;
  const auto kind = state.vlek_loaded ? host::KeyKind::vlek : host::KeyKind::vcek;
  const auto pause = refresher_.pause(state.product, kind);
  if (pause > Clock::Duration::zero()) return pause;
  running_ = std::async(std::launch::async,
                        [this, product = state.product, kind] { fetch(product, kind); });
  return glance;
}

void CrlTask::fetch(attestation::Product product, host::KeyKind kind) {
  const auto done = refresher_.refresh_if_due(product, kind);
  if (!done) return;
  if (!*done) {
    const auto& message = done->error().message;
    if (message != problem_) log_line(Priority::warning, "no newer CRL: " + message);
    problem_ = message;
    return;
  }
  problem_.clear();
  if (!(*done)->changed) return;
  log_line(Priority::info, "stored: " + host::to_text((*done)->crl));
  news_ = true;
}

}  // namespace extreq::cli
