// MemorySource: certificates in this process's memory, with the same promise as the blob file: for
// VMMs that update their certificates themselves, and for tests and simulations.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "lease/certificate_source.hpp"
#include "lease/process_mark.hpp"

namespace extreq::lease {

class MemorySource final : public CertificateSource {
 public:
  // `table` is served until it is replaced. No bytes: no certificates.
  explicit MemorySource(Bytes table = {});
  MemorySource(const MemorySource&) = delete;
  MemorySource& operator=(const MemorySource&) = delete;
  MemorySource(MemorySource&&) = delete;
  MemorySource& operator=(MemorySource&&) = delete;

  [[nodiscard]] Result<std::unique_ptr<Holder>> open_holder() override;

  // While it lives no lease is held and none is given: the signing key may change. The table is
  // empty from its start on, so an end without publish() leaves no certificates rather than stale
  // ones.
  // Lifetime: must not outlive its source. Moves only.
  class Exclusive {
   public:
    ~Exclusive();
    Exclusive(const Exclusive&) = delete;
    Exclusive& operator=(const Exclusive&) = delete;
    Exclusive(Exclusive&& other) noexcept;
    Exclusive& operator=(Exclusive&&) = delete;

    // The table to serve from the end of this section on.
    void publish(Bytes table);

   private:
    friend class MemorySource;
    explicit Exclusive(MemorySource& source) noexcept : source_(&source) {}
    MemorySource* source_;
  };

  // Effect: waits, at most `max_wait`, until no lease is held and no other section lives; new
  // leases wait behind it, so it is not starved.
  // Failure: busy; closed in a forked child.
  // Threading: any thread.
  [[nodiscard]] Result<Exclusive> exclusive(Clock::Duration max_wait);

  // exclusive(), publish(), end. After a failure the old table is served.
  [[nodiscard]] Status replace(Bytes table, Clock::Duration max_wait);

 private:
  class MemoryHolder;

  [[nodiscard]] Status lock_shared(Clock::Duration max_wait);
  void unlock_shared() noexcept;
  void unlock_exclusive() noexcept;

  ProcessMark process_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t leases_ = 0;
  std::size_t writers_waiting_ = 0;
  bool writer_ = false;
  Bytes table_;  // changes only while writer_ is true, is read only while leases_ is not 0
};

}  // namespace extreq::lease
