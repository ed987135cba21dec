#include "fleet/crl_keeper.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "host/kds_path.hpp"

namespace extreq::fleet {
namespace {

using attestation::Product;
using host::KeyKind;

constexpr Clock::Duration longest_turn = std::chrono::seconds(30);

bool over(const host::StoredCrl& crl, const Clock& clock) { return crl.next_update < clock.utc(); }

}  // namespace

CrlKeeper::CrlKeeper(WorkLedger& ledger, Ports ports, Options options)
    : ledger_(ledger), ports_(std::move(ports)), options_(std::move(options)) {}

Result<std::optional<CrlKeeper::Crl>> CrlKeeper::look(Product product, KeyKind kind) {
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = lists_.try_emplace({product, kind});
  const List& list = found->second;
  if (fresh) found->second.due = options_.clock->now();
  if (list.kept) return Crl{list.kept->der, over(*list.kept, *options_.clock)};
  if (!list.absent) return std::nullopt;
  return fail(Code::not_found, "the key service has no {} CRL of {}", host::to_text(kind),
              attestation::kds_name(product));
}

CrlKeeper::Counts CrlKeeper::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts;
  for (const auto& [name, list] : lists_) {
    if (!list.kept) continue;
    ++counts.kept;
    if (over(*list.kept, *options_.clock)) ++counts.stale;
  }
  return counts;
}

CrlKeeper::Turn CrlKeeper::work() {
  Turn turn;
  if (!loaded_) {
    const Status loaded = load();
    if (!loaded) turn.problems.push_back("CRLs: " + loaded.error().message);
    turn.news = loaded.has_value();
  }
  for (const Name& name : due_now()) {
    unsigned failures = 0;
    {
      const std::lock_guard lock(mutex_);
      failures = lists_[name].failures;
    }
    auto visited = visit(name, failures);
    if (!visited) {
      turn.problems.push_back(visited.error().message);
      visited = Visit{std::nullopt, false, true, pause_after(failures)};
    }
    note(name, *std::move(visited));
    turn.news = true;
  }
  const std::lock_guard lock(mutex_);
  const Clock::TimePoint now = options_.clock->now();
  turn.pause = loaded_ ? longest_turn : options_.first_pause;
  for (const auto& [name, list] : lists_) turn.pause = std::min(turn.pause, list.due - now);
  turn.pause = std::max(turn.pause, Clock::Duration::zero());
  return turn;
}

// What was fetched in an earlier life, or by others, is there at once and renewed from now on.
Status CrlKeeper::load() {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    for (const KeyKind kind : {KeyKind::vcek, KeyKind::vlek}) {
      EXTREQ_TRY_ASSIGN(auto stored, ports_.stored(product, kind));
      if (!stored) continue;
      const std::lock_guard lock(mutex_);
      lists_[{product, kind}] = {*std::move(stored), false, 0, options_.clock->now()};
    }
  }
  const std::lock_guard lock(mutex_);
  loaded_ = true;
  return {};
}

std::vector<CrlKeeper::Name> CrlKeeper::due_now() const {
  const std::lock_guard lock(mutex_);
  const Clock::TimePoint now = options_.clock->now();
  std::vector<Name> due;
  for (const auto& [name, list] : lists_) {
    if (list.due <= now) due.push_back(name);
  }
  return due;
}

Clock::Duration CrlKeeper::pause_after(unsigned failures) const {
  constexpr unsigned doublings_max = 16;
  return std::min(options_.first_pause * (1U << std::min(failures, doublings_max)),
                  options_.longest_pause);
}

Clock::Duration CrlKeeper::until_renewal(const host::StoredCrl& crl) const {
  const Clock::Duration left = crl.next_update - options_.clock->utc();
  return std::clamp(left, std::min(options_.longest_pause, options_.interval), options_.interval);
}

// Failure: the ledger's, the store's, or the service's after the claim was set to the pause.
Result<CrlKeeper::Visit> CrlKeeper::visit(const Name& name, unsigned failures) {
  EXTREQ_TRY_ASSIGN(const std::string item,
                    host::kds_path({host::KdsObject::crl, {name.first, name.second, {}, {}}}));
  EXTREQ_TRY_ASSIGN(const bool mine, ledger_.claim(item, options_.owner, options_.lease));
  if (!mine) return visit_store(name, item);
  auto fetched = ports_.fetch(name.first, name.second);
  const Error problem = fetched ? Error{} : fetched.error();
  Visit visit;
  if (fetched) {
    visit.pause = until_renewal(*fetched);
    visit.found = *std::move(fetched);
  } else if (problem.code == Code::not_found) {
    visit.absent = true;
    visit.pause = options_.absent_memory;
    EXTREQ_TRY(ledger_.remember_absent(item, visit.pause));
  } else {
    visit.failed = true;
    visit.pause = pause_after(failures);
  }
  // Nobody else asks in the meantime.
  EXTREQ_TRY(ledger_.claim(item, options_.owner, visit.pause));
  if (visit.failed) return fail(problem.code, "{}: {}", item, problem.message);
  return visit;
}

Result<CrlKeeper::Visit> CrlKeeper::visit_store(const Name& name, const std::string& item) {
  Visit visit;
  EXTREQ_TRY_ASSIGN(visit.found, ports_.stored(name.first, name.second));
  if (!visit.found) {
    EXTREQ_TRY_ASSIGN(visit.absent, ledger_.is_absent(item));
  }
  // Who waits for the first one wants it soon.
  constexpr Clock::Duration soon = std::chrono::seconds(1);
  visit.pause = visit.found || visit.absent ? options_.others_pause : soon;
  return visit;
}

void CrlKeeper::note(const Name& name, Visit visit) {
  const std::lock_guard lock(mutex_);
  List& list = lists_[name];
  list.due = options_.clock->now() + visit.pause;
  list.failures = visit.failed ? list.failures + 1 : 0;
  if (visit.found) list.kept = std::move(visit.found);
  if (!visit.failed) list.absent = visit.absent;
}

}  // namespace extreq::fleet
