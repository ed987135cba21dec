#include "fleet/memory_ledger.hpp"

namespace extreq::fleet {
namespace {

constexpr std::size_t absent_max = 100'000;  // anybody may ask for what does not exist

}  // namespace

Result<bool> MemoryLedger::claim(const std::string& item, const std::string& owner,
                                 Clock::Duration lease) {
  const std::lock_guard lock(mutex_);
  const Clock::TimePoint now = clock_.now();
  const auto [found, fresh] = claims_.try_emplace(item, Claim{owner, now + lease});
  if (!fresh && found->second.owner != owner && found->second.until > now) return false;
  found->second = {owner, now + lease};
  return true;
}

Status MemoryLedger::release(const std::string& item, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  const auto found = claims_.find(item);
  if (found != claims_.end() && found->second.owner == owner) claims_.erase(found);
  return {};
}

host::TokenBucket& MemoryLedger::bucket_of(const Route& route) {
  return buckets_.try_emplace(route.name, route.burst, route.interval, clock_).first->second;
}

Result<Clock::Duration> MemoryLedger::take_token(const Route& route) {
  const std::lock_guard lock(mutex_);
  return bucket_of(route).take();
}

Status MemoryLedger::pause(const Route& route, Clock::Duration silence) {
  const std::lock_guard lock(mutex_);
  bucket_of(route).pause(silence);
  return {};
}

Status MemoryLedger::remember_absent(const std::string& item, Clock::Duration memory) {
  const std::lock_guard lock(mutex_);
  const Clock::TimePoint now = clock_.now();
  if (absent_until_.size() >= absent_max) {
    std::erase_if(absent_until_, [now](const auto& entry) { return entry.second <= now; });
    if (absent_until_.size() >= absent_max) absent_until_.clear();
  }
  absent_until_[item] = now + memory;
  return {};
}

Result<bool> MemoryLedger::is_absent(const std::string& item) {
  const std::lock_guard lock(mutex_);
  const auto found = absent_until_.find(item);
  return found != absent_until_.end() && found->second > clock_.now();
}

}  // namespace extreq::fleet
