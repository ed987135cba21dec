#include "fleet/fetch_scheduler.hpp"

#include <algorithm>

#include "base/try.hpp"

namespace extreq::fleet {

FetchScheduler::FetchScheduler(WorkLedger& ledger, Present present, Options options)
    : ledger_(ledger),
      present_(std::move(present)),
      options_(std::move(options)),
      routes_(options_.routes.size(), RouteState{options_.clock->now(), 0}) {}

void FetchScheduler::want(const std::string& item, Urgency urgency) {
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = items_.try_emplace(item, Item{urgency});
  if (fresh) {
    (urgency == Urgency::demand ? demand_ : prefetch_).push_back(item);
  } else if (urgency == Urgency::demand && found->second.urgency == Urgency::prefetch) {
    found->second.urgency = Urgency::demand;
    if (!found->second.handed_out) demand_.push_back(item);
  }
}

std::size_t FetchScheduler::pending() const {
  const std::lock_guard lock(mutex_);
  return items_.size();
}

bool FetchScheduler::is_pending(const std::string& item) const {
  const std::lock_guard lock(mutex_);
  return items_.contains(item);
}

Result<FetchScheduler::Step> FetchScheduler::next(std::size_t route) {
  while (true) {
    std::optional<std::string> item;
    {
      const std::lock_guard lock(mutex_);
      const Clock::Duration closed = routes_[route].free_at - options_.clock->now();
      if (items_.empty()) return Step{};
      if (closed > Clock::Duration::zero()) return Step{Step::Kind::wait, {}, closed};
      item = take_ready();
      if (!item) return nothing_ready();
    }
    const auto readiness = examine(*item);
    if (!readiness) {
      give_back(*item);
      return tl::unexpected(readiness.error());
    }
    if (*readiness == Readiness::ready) return hand_out(*item, route);
    if (*readiness == Readiness::present) forget(*item);
    if (*readiness == Readiness::elsewhere) postpone(*item, options_.others_pause);
  }
}

// Called with the lock held.
std::optional<std::string> FetchScheduler::take_ready() {
  const Clock::TimePoint now = options_.clock->now();
  while (!later_.empty() && later_.begin()->first <= now) {
    std::string item = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    const auto found = items_.find(item);
    if (found == items_.end()) continue;
    (found->second.urgency == Urgency::demand ? demand_ : prefetch_).push_back(std::move(item));
  }
  auto item = pop(Urgency::demand);
  return item ? item : pop(Urgency::prefetch);
}

// Called with the lock held.
std::optional<std::string> FetchScheduler::pop(Urgency urgency) {
  auto& queue = urgency == Urgency::demand ? demand_ : prefetch_;
  while (!queue.empty()) {
    std::string item = std::move(queue.front());
    queue.pop_front();
    const auto found = items_.find(item);
    if (found == items_.end() || found->second.handed_out) continue;
    found->second.handed_out = true;
    return item;
  }
  return std::nullopt;
}

// Called with the lock held. What another driver has in hand may come back: not idle yet.
FetchScheduler::Step FetchScheduler::nothing_ready() const {
  Clock::Duration pause = options_.others_pause;
  if (!later_.empty()) {
    pause = std::min(pause, later_.begin()->first - options_.clock->now());
  }
  return {Step::Kind::wait, {}, pause};
}

// Claims the item. Where it need not be fetched, the claim is given back.
Result<FetchScheduler::Readiness> FetchScheduler::examine(const std::string& item) {
  EXTREQ_TRY_ASSIGN(const bool mine, ledger_.claim(item, options_.owner, options_.lease));
  if (!mine) return Readiness::elsewhere;
  // Only now: whoever had the claim before has stored what it fetched before it gave it back.
  EXTREQ_TRY_ASSIGN(bool settled, present_(item));
  if (!settled) {
    EXTREQ_TRY_ASSIGN(settled, ledger_.is_absent(item));
  }
  if (!settled) return Readiness::ready;
  EXTREQ_TRY(ledger_.release(item, options_.owner));
  return Readiness::present;
}

Result<FetchScheduler::Step> FetchScheduler::hand_out(const std::string& item, std::size_t route) {
  const auto wait = ledger_.take_token(options_.routes[route]);
  if (wait && *wait == Clock::Duration::zero()) return Step{Step::Kind::fetch, item, {}};
  give_back(item);
  const Status released = ledger_.release(item, options_.owner);
  if (!wait) return tl::unexpected(wait.error());
  if (!released) return tl::unexpected(released.error());
  const std::lock_guard lock(mutex_);
  routes_[route].free_at = options_.clock->now() + *wait;
  return Step{Step::Kind::wait, {}, *wait};
}

void FetchScheduler::give_back(const std::string& item) {
  const std::lock_guard lock(mutex_);
  Item& state = items_[item];
  state.handed_out = false;
  (state.urgency == Urgency::demand ? demand_ : prefetch_).push_front(item);
}

void FetchScheduler::postpone(const std::string& item, Clock::Duration pause) {
  const std::lock_guard lock(mutex_);
  items_[item].handed_out = false;
  later_.emplace(options_.clock->now() + pause, item);
}

void FetchScheduler::forget(const std::string& item) {
  const std::lock_guard lock(mutex_);
  items_.erase(item);
}

Clock::Duration FetchScheduler::pause_after_failure(std::size_t route, const Outcome& outcome) {
  constexpr unsigned doublings_max = 20;
  const std::lock_guard lock(mutex_);
  const unsigned failures = std::min(routes_[route].failures++, doublings_max);
  if (outcome.silence) return *outcome.silence;
  return std::min(options_.first_pause * (1U << failures), options_.longest_pause);
}

Status FetchScheduler::finished(const std::string& item, std::size_t route,
                                const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::again) {
    const Clock::Duration pause = pause_after_failure(route, outcome);
    postpone(item, pause);
    {
      const std::lock_guard lock(mutex_);
      auto& free_at = routes_[route].free_at;
      free_at = std::max(free_at, options_.clock->now() + pause);
    }
    const Status paused = ledger_.pause(options_.routes[route], pause);
    const Status released = ledger_.release(item, options_.owner);
    return paused ? released : paused;
  }
  {
    const std::lock_guard lock(mutex_);
    routes_[route].failures = 0;
    items_.erase(item);
  }
  Status remembered;
  if (outcome.kind == Outcome::Kind::absent) {
    remembered = ledger_.remember_absent(item, options_.absent_memory);
  }
  const Status released = ledger_.release(item, options_.owner);
  return remembered ? released : remembered;
}

}  // namespace extreq::fleet
