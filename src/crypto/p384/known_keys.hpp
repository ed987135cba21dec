// KnownKeys: tables for the keys that come often, and a bounded memory of how often keys came.
//
// Effect: a key's table is made when it is asked for the `threshold`th time while it is remembered.
// Both memories are bounded; the key that was not asked for the longest is forgotten.
// Threading: any thread. A table stays valid for as long as somebody holds it.
#pragma once

#include <array>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "crypto/p384/tables.hpp"

namespace extreq::crypto::p384 {

class KnownKeys {
 public:
  // At most `capacity` tables of 16 KiB, and eight times as many keys remembered without one.
  KnownKeys(std::size_t capacity, unsigned threshold)
      : capacity_(capacity), threshold_(threshold) {}

  using Table = std::shared_ptr<const KeyTable>;
  // nullptr: not known, or not yet.
  [[nodiscard]] Table find(const EcdsaP384PublicKey& key);

 private:
  using Id = std::array<std::uint8_t, 2 * p384_size>;
  struct Entry;
  using Order = std::list<std::map<Id, Entry>::iterator>;  // the last asked for at the front
  struct Entry {
    unsigned asked = 0;
    Table table;
    Order::iterator place;
  };

  void forget_oldest(Order& order, std::size_t limit);

  const std::size_t capacity_;
  const unsigned threshold_;
  std::mutex mutex_;
  std::map<Id, Entry> entries_;
  Order known_;    // with a table
  Order counted_;  // without
};

}  // namespace extreq::crypto::p384
