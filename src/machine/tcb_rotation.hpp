// TcbRotation: changes the reported TCB back and forth while guests ask for reports, through the
// product's update transaction and its lock on the blob file.
//
// Each change gives another signing key and another certificate table: what a host does once in
// months, many times a second.
// Lifetime: the processor must outlive it. The destructor ends it, with the TCB as it was.
// Threading: it works on a thread of its own; the counts may be read at any time.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "firmware/model/secure_processor.hpp"
#include "host/update_transaction.hpp"

namespace extreq::machine {

class TcbRotation {
 public:
  // Effect: publishes the current table in the blob file and makes one whole rotation, so that a
  // failure shows at once; then goes on by itself.
  // Failure: as UpdateTransaction; unsupported if the committed TCB has no component to lower.
  [[nodiscard]] static Result<std::unique_ptr<TcbRotation>> start(
      firmware::model::SecureProcessor& processor, const std::string& blob,
      std::chrono::milliseconds pause);
  ~TcbRotation();
  TcbRotation(const TcbRotation&) = delete;
  TcbRotation& operator=(const TcbRotation&) = delete;
  TcbRotation(TcbRotation&&) = delete;
  TcbRotation& operator=(TcbRotation&&) = delete;

  [[nodiscard]] unsigned changes() const noexcept { return changes_; }
  [[nodiscard]] unsigned failures() const noexcept { return failures_; }

 private:
  TcbRotation(firmware::model::SecureProcessor& processor, const std::string& blob);

  // Changes the reported TCB to this one, and the certificates with it.
  [[nodiscard]] Status report_tcb(std::uint64_t tcb);

  firmware::model::SecureProcessor& processor_;
  lease::BlobWriter writer_;
  host::UpdateTransaction update_;
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
  std::atomic<unsigned> changes_{0};
  std::atomic<unsigned> failures_{0};
  std::jthread thread_;
};

}  // namespace extreq::machine
