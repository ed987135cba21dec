// SocketSource: certificates from the host service's socket, for VMMs that may not open the blob
// (doc/socket.md).
//
// Effect of a lease: the promise of BlobSource, made by the service: it holds the documented lock
// on a file description of its own for each connection. This process gets a duplicate of the
// descriptor, so the lock outlives a service that dies, and ends with release(), with this process,
// or with the connection.
// Cost: three system calls and the service's wake-up; the table comes only when it changed.
// Waiting: acquire() waits for one thing, the service's answer, and for `answer_grace` longer than
// its own limit at most; connecting and sending never wait. A service that did not answer in time
// is not asked again for a while, by no holder of this source: silence_pause_first after the first
// time, twice as long after each further one, silence_pause_longest at most.
// Failure of acquire(): as BlobSource's, in the service's words; not_found where nobody listens;
// busy where no answer came in time, or the service does not accept; invalid_input for an answer
// that breaks the protocol. The connection is given up then and made anew by the next acquire().
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "lease/certificate_source.hpp"

namespace extreq::lease {

class SocketSource final : public CertificateSource {
 public:
  // The service waits for the lock as long as acquire() lets it; its answer then has to come.
  static constexpr Clock::Duration answer_grace = std::chrono::milliseconds(5);
  static constexpr Clock::Duration silence_pause_first = std::chrono::milliseconds(100);
  static constexpr Clock::Duration silence_pause_longest = std::chrono::seconds(5);

  // Touches nothing yet. `clock` must outlive it.
  explicit SocketSource(std::string path, Clock& clock = system_clock());

  // Connects once for this holder. A service that is not there yet is no failure here.
  [[nodiscard]] Result<std::unique_ptr<Holder>> open_holder() override;

  // What all holders know of a service that does not answer. Threading: any thread.
  class Silence {
   public:
    [[nodiscard]] bool lasts(Clock::TimePoint now) const noexcept;
    void no_answer(Clock::TimePoint now) noexcept;
    void answered() noexcept;

   private:
    std::atomic<Clock::Duration::rep> until_{0};  // of the clock; 0: not silent
    std::atomic<Clock::Duration::rep> pause_{0};  // the last one
  };

 private:
  std::string path_;
  Clock& clock_;
  Silence silence_;
};

}  // namespace extreq::lease
