#include "host/service.hpp"

#include <algorithm>
#include <utility>

#include "host/table_parts.hpp"

namespace extreq::host {

Result<SigningState> state_after_commit(const SigningState& now, firmware::Platform& platform) {
  const auto status = platform.platform_status();
  if (!status) return fail(Code::io, "{}", status.error().message);
  const bool changes = status->current_tcb != now.reported_tcb;
  SigningState next = changes ? without_vlek(now) : now;
  next.reported_tcb = status->current_tcb;
  return next;
}

Service::Service(lease::BlobWriter& writer, firmware::Platform& platform,
                 CertificateProvider provider, ServiceOptions options)
    : platform_(platform),
      options_(std::move(options)),
      provider_(std::move(provider), *options_.clock, options_.patience),
      publisher_(writer, platform, provider_.provider()) {}

Clock::Duration Service::step() {
  const auto now = options_.clock->now();
  const bool renew = renewal_is_due();
  if (renew) renewed_at_ = now;
  renew_asked_ = false;
  ++view_.passes;
  auto report = publisher_.pass(options_.lock_wait, renew ? Renew::always : Renew::if_needed);
  if (report) {
    view_.platform_error.reset();
    take(*std::move(report));
    look_ahead();
  } else {
    view_.platform_error = std::move(report).error();
  }
  if (!healthy()) ++view_.problems;
  return next_turn();
}

bool Service::renewal_is_due() const {
  if (!renewed_at_ || renew_asked_) return true;
  if (options_.clock->now() - *renewed_at_ >= options_.renewal) return true;
  return view_.crl_end && options_.clock->utc() > *view_.crl_end;
}

bool Service::healthy() const noexcept {
  return !view_.platform_error && view_.last && !view_.last->problem && !view_.last->vms.problem;
}

void Service::take(PassReport report) {
  if (report.published) ++view_.publications;
  if (report.withdrawn) ++view_.mismatches_prevented;
  view_.publications += report.vms.published;
  view_.mismatches_prevented += report.vms.withdrawn;
  view_.lock_wait_total += report.lock_wait;
  view_.lock_wait_longest = std::max(view_.lock_wait_longest, report.lock_wait);
  if (!view_.last || view_.last->table != report.table) view_.crl_end = crl_end_in(report.table);
  view_.last = std::move(report);
}

void Service::look_ahead() {
  const auto next = state_after_commit(view_.last->state, platform_);
  view_.current_tcb.reset();
  if (!next) return;
  view_.current_tcb = next->reported_tcb;
  prefetch(*next);
}

// Guests first: as long as they have none, the key service's budget is theirs.
void Service::prefetch(const SigningState& next) {
  if (!options_.prefetch || view_.last->problem || view_.last->state.mask_chip_key) return;
  const auto now = options_.clock->now();
  if (next == view_.last->state) return;
  if (prefetched_ == next && now < prefetch_not_before_) return;
  prefetched_ = next;
  prefetch_not_before_ = now + options_.renewal;
  options_.prefetch(next);
}

Clock::Duration Service::next_turn() const {
  if (!view_.last || !view_.last->problem) return options_.interval;
  const auto pause = provider_.pause(view_.last->state);
  if (pause <= Clock::Duration::zero()) return options_.interval;
  return std::min(pause, options_.interval);
}

}  // namespace extreq::host
