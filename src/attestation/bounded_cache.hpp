// BoundedCache: values under SHA-256 keys, at most so many: the one that was not asked for longest
// goes first.
//
// Threading: any thread; one lock, held for a look-up only, never while a value is made.
// Lifetime: values are shared: who holds one keeps it, whatever the cache lets go.
#pragma once

#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "crypto/hash.hpp"

namespace extreq::attestation {

template <class Value>
class BoundedCache {
 public:
  using Shared = std::shared_ptr<const Value>;

  // `limit` is at least 1.
  explicit BoundedCache(std::size_t limit) : limit_(limit == 0 ? 1 : limit) {}

  // nullptr if there is none.
  [[nodiscard]] Shared find(const crypto::Sha256Digest& key) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return found->second->second;
  }

  // Effect: keeps `value` under `key`; what another thread put there before stays, and is given.
  Shared insert(const crypto::Sha256Digest& key, Shared value) {
    Shared evicted;  // ended outside the lock
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) {
      return found->second->second;
    }
    if (entries_.size() == limit_) {
      entries_.erase(order_.back().first);
      evicted = std::move(order_.back().second);
      order_.pop_back();
    }
    order_.emplace_front(key, std::move(value));
    entries_.emplace(key, order_.begin());
    return order_.front().second;
  }

  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  // A SHA-256 is its own hash.
  struct Hash {
    std::size_t operator()(const crypto::Sha256Digest& key) const noexcept {
      std::size_t hash = 0;
      std::memcpy(&hash, key.data(), sizeof(hash));
      return hash;
    }
  };
  using Order = std::list<std::pair<crypto::Sha256Digest, Shared>>;

  mutable std::mutex mutex_;
  std::size_t limit_;
  Order order_;  // the latest first
  std::unordered_map<crypto::Sha256Digest, typename Order::iterator, Hash> entries_;
};

}  // namespace extreq::attestation
