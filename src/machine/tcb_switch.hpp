// TcbSwitch: changes the reported TCB back and forth, through the product's update transaction and
// its lock on the blob file: another signing key and another certificate table each time.
//
// Lifetime: the processor must outlive it. The destructor leaves the TCB as it was.
// Threading: change() by any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "attestation/tcb.hpp"
#include "firmware/model/secure_processor.hpp"
#include "host/update_transaction.hpp"
#include "trace/trace.hpp"

namespace extreq::machine {

class TcbSwitch {
 public:
  // Effect: publishes the current table in the blob file.
  // Failure: as UpdateTransaction; unsupported if the reported TCB has no component to lower.
  [[nodiscard]] static Result<std::unique_ptr<TcbSwitch>> create(
      firmware::model::SecureProcessor& processor, const std::string& blob);
  ~TcbSwitch();
  TcbSwitch(const TcbSwitch&) = delete;
  TcbSwitch& operator=(const TcbSwitch&) = delete;
  TcbSwitch(TcbSwitch&&) = delete;
  TcbSwitch& operator=(TcbSwitch&&) = delete;

  // Shows each change from now on, and in it the time in which nobody holds a lease.
  // Lifetime: the trace must outlive it. Call it before there is another thread.
  void set_trace(trace::Trace& trace) noexcept { trace_ = &trace; }

  // To the lower TCB, or back. The calling thread must hold no lease.
  // Failure: as UpdateTransaction; the next call tries the same again.
  [[nodiscard]] Status change();

  [[nodiscard]] unsigned changes() const noexcept { return changes_; }

 private:
  TcbSwitch(firmware::model::SecureProcessor& processor, const std::string& blob);

  [[nodiscard]] Status report_tcb(const attestation::Tcb& tcb);

  firmware::model::SecureProcessor& processor_;
  lease::BlobWriter writer_;
  host::UpdateTransaction update_;
  trace::Trace* trace_ = nullptr;
  attestation::Tcb high_;
  attestation::Tcb low_;
  std::mutex mutex_;
  bool is_low_ = false;
  std::atomic<unsigned> changes_{0};
};

}  // namespace extreq::machine
