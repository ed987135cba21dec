#include "crypto/p384/known_keys.hpp"

#include <algorithm>

namespace extreq::crypto::p384 {
namespace {
constexpr std::size_t counted_for_each_known = 8;
}

void KnownKeys::forget_oldest(Order& order, std::size_t limit) {
  while (order.size() > limit) {
    entries_.erase(order.back());
    order.pop_back();
  }
}

KnownKeys::Table KnownKeys::find(const EcdsaP384PublicKey& key) {
  if (capacity_ == 0) return nullptr;
  Id id;
  std::ranges::copy(key.qx(), id.begin());
  std::ranges::copy(key.qy(), id.begin() + p384_size);
  {
    const std::lock_guard lock(mutex_);
    const auto [found, is_new] = entries_.try_emplace(id);
    Entry& entry = found->second;
    if (is_new) {
      entry.place = counted_.insert(counted_.begin(), found);
      forget_oldest(counted_, capacity_ * counted_for_each_known);
    } else {
      Order& order = entry.table ? known_ : counted_;
      order.splice(order.begin(), order, entry.place);
    }
    if (entry.table) return entry.table;
    if (++entry.asked < threshold_) return nullptr;
  }
  // Without the lock: others go on. Two threads may make the same table; the later one is kept.
  auto table = std::make_shared<const KeyTable>(make_key_table(key));
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] = entries_.try_emplace(id);
  Entry& entry = found->second;
  if (is_new) {
    entry.place = known_.insert(known_.begin(), found);
  } else {
    known_.splice(known_.begin(), entry.table ? known_ : counted_, entry.place);
  }
  entry.table = table;
  forget_oldest(known_, capacity_);
  return table;
}

}  // namespace extreq::crypto::p384
