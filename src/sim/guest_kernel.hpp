// GuestKernel: what the processors of a simulated guest share: the four VMPCKs of its secrets page,
// each under a lock, as a kernel's driver holds them.
//
// A VMPCK has one sequence number, so one message at a time is under way under each. Whichever
// processor asks, does so through its own GHCB and its own pages.
// Threading: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "abi/snp_firmware.hpp"
#include "base/clock.hpp"
#include "guest/ghcb_channel.hpp"
#include "sim/guest_processor.hpp"

namespace extreq::sim {

class GuestKernel {
 public:
  // Effect: takes the keys out of the secrets page at `secrets_gpa` and wipes them there.
  // Failure: not_found if the page is not in memory.
  // Lifetime: clock must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<GuestKernel>> start(GuestRam& ram,
                                                                  std::uint64_t secrets_gpa,
                                                                  Clock& clock);

  // One extended request under VMPCK `key`, which asks for that VMPL, on processor `on`.
  [[nodiscard]] guest::RequestResult<guest::Evidence> extended_report(
      std::size_t key, GuestProcessor& on, const guest::ReportQuery& query);

 private:
  struct Key {
    std::mutex mutex;
    message::Vmpck vmpck;  // until the first request makes the channel
    std::unique_ptr<guest::GhcbChannel> channel;
  };

  explicit GuestKernel(Clock& clock) noexcept : clock_(clock) {}

  Clock& clock_;
  std::array<Key, abi::snp::vmpck_count> keys_;
};

}  // namespace extreq::sim
