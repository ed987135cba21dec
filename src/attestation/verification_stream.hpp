// VerificationStream: reports go in one by one, verifications come out in the same order, all cores
// at work and signatures in groups for the batch kernel (doc/verifier.md).
//
// Effect: each answer is what verify() would say. Reports that are ready together make a group. A
// report waits for others at most Options::wait, and only while less than one group of
// signature_lanes is there; it then goes alone.
// Threading: submit() and finish() from one thread at a time. `deliver` is called from threads of
// the stream, never from two at once; it must not throw, nor call the stream.
// Lifetime: what the constructor is given by reference must outlive the stream.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "attestation/endorsement_index.hpp"
#include "crypto/p384/batch_verifier.hpp"

namespace extreq::attestation {

class VerificationStream {
 public:
  struct Options {
    unsigned threads = 0;                  // 0: as many as the machine runs at once
    std::chrono::microseconds wait{1000};  // the latency that a report may gain
    std::size_t group = 64;                // the most reports that one thread takes at once
    std::size_t waiting = 0;               // beyond these submit() waits; at least `group`
                                           // 0: eight groups for each thread
    std::chrono::sys_seconds at;           // when the certificates must be valid
    Expectations expectations;
  };
  struct Evidence {
    Result<Report> report;    // a failure is handed on in the answer
    Bytes certificate_table;  // its certificates count behind the index's authorities, and it is
                              // what with_table() is for; none: the leaf is looked up in the index
    std::optional<Bytes> runtime_data{};  // for Expectations::runtime_data
  };
  // `number` counts from 0 in the order of submit(). Failure: that of the evidence; as
  // Verifier::endorsement() and with_table(); not_found without a table where the index has no
  // leaf.
  struct Answer {
    std::uint64_t number;
    Result<Verification> verification;
  };
  using Deliver = std::function<void(const Answer&)>;

  VerificationStream(const Verifier& verifier, const EndorsementIndex& index,
                     const Options& options, Deliver deliver);
  ~VerificationStream();  // finish()
  VerificationStream(const VerificationStream&) = delete;
  VerificationStream& operator=(const VerificationStream&) = delete;
  VerificationStream(VerificationStream&&) = delete;
  VerificationStream& operator=(VerificationStream&&) = delete;

  // Waits while `waiting` reports are not yet delivered. Not after finish().
  void submit(Evidence evidence);
  // Returns when everything was delivered; the threads have ended.
  void finish();

 private:
  struct Item {
    Evidence evidence;
    std::chrono::steady_clock::time_point arrival;
  };
  using Items = std::vector<Item>;  // at most Options::group; its memory is used again
  struct Group {
    std::uint64_t first = 0;
    Items items;
  };

  struct Prepared;

  void work();
  [[nodiscard]] Items new_items();
  [[nodiscard]] bool take(Group& group);
  [[nodiscard]] Result<Prepared> prepare(const Evidence& evidence) const;
  [[nodiscard]] std::vector<Answer> answer(const Group& group) const;
  [[nodiscard]] Result<Verifier::SharedEndorsement> endorsement_for(const Report& report,
                                                                    const Evidence& evidence) const;
  void hand_over(std::vector<Answer> answers);

  const Verifier& verifier_;
  const EndorsementIndex& index_;
  Options options_;
  Deliver deliver_;
  crypto::p384::BatchVerifier signatures_;

  std::mutex mutex_;  // guards all below
  std::condition_variable arrived_;
  std::condition_variable delivered_;
  std::deque<Items> queue_;  // none is empty; the last one is being filled
  std::vector<Items> spare_;
  bool closed_ = false;
  std::uint64_t submitted_ = 0;
  std::uint64_t taken_ = 0;                             // the number of the queue's first item
  std::map<std::uint64_t, std::vector<Answer>> ready_;  // groups by their first number
  std::uint64_t next_ = 0;                              // to be delivered
  bool delivering_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace extreq::attestation
