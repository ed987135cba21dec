// Service: the publisher, again and again: `extreq host serve` without its surroundings.
//
// step() is one turn and says when the next is due; whoever calls it waits until then, or until a
// file changes (file_watch.hpp). Nothing here sleeps.
// Threading: one thread at a time.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.hpp"
#include "host/patient_provider.hpp"
#include "host/publisher.hpp"

namespace extreq::host {

struct ServiceOptions {
  Clock::Duration interval = std::chrono::seconds(5);    // between looks at the platform
  Clock::Duration lock_wait = std::chrono::seconds(10);  // for guests' requests under way
  // How often a newer table is looked for although the present one fits.
  Clock::Duration renewal = std::chrono::hours(1);
  Patience patience;
  Clock* clock = &system_clock();  // must outlive the service
  // Told, at most once in each `renewal`, a state to come whose certificates should be in the
  // store. It must not wait for them. May be empty.
  std::function<void(const SigningState&)> prefetch = {};
};

// What it did since the start, and what is now.
struct ServiceView {
  std::optional<PassReport> last;  // nullopt: the platform never answered
  // Until when the CRL in the table is fresh; nullopt: none is in it. When it is over, the table is
  // renewed at once: a verifier refuses a stale list sooner than none.
  std::optional<std::chrono::sys_seconds> crl_end;
  // What SNP_COMMIT would make the reported TCB; nullopt: not known.
  std::optional<std::uint64_t> current_tcb;
  std::optional<Error> platform_error;  // of the last turn
  std::uint64_t passes = 0;
  std::uint64_t publications = 0;
  std::uint64_t mismatches_prevented = 0;  // tables that no longer fitted and were withdrawn
  std::uint64_t problems = 0;              // turns after which guests had no certificates
  Clock::Duration lock_wait_total{};
  Clock::Duration lock_wait_longest{};
};

class Service {
 public:
  // Lifetime: what is given must outlive it.
  Service(lease::BlobWriter& writer, firmware::Platform& platform, CertificateProvider provider,
          ServiceOptions options = {});

  // One turn: looks, mends, prefetches what SNP_COMMIT would lead to. Gives the time until the
  // next. What fails is in view().
  Clock::Duration step();

  // The next turn looks for a newer table although the present one may fit: there is news, a CRL.
  void renew() noexcept { renew_asked_ = true; }

  [[nodiscard]] const ServiceView& view() const noexcept { return view_; }
  // Guests get certificates that fit, those of each VM with a blob of its own too, or the keys are
  // masked.
  [[nodiscard]] bool healthy() const noexcept;

 private:
  void take(PassReport report);
  [[nodiscard]] bool renewal_is_due() const;
  void look_ahead();
  void prefetch(const SigningState& next);
  [[nodiscard]] Clock::Duration next_turn() const;

  firmware::Platform& platform_;
  ServiceOptions options_;
  PatientProvider provider_;
  Publisher publisher_;
  ServiceView view_;
  std::optional<Clock::TimePoint> renewed_at_;
  bool renew_asked_ = false;
  std::optional<SigningState> prefetched_;
  Clock::TimePoint prefetch_not_before_{};
};

// The state that SNP_COMMIT would lead to: reports carry the current TCB, and a VLEK is lost if
// that is another one. Failure: io, as read_signing_state().
[[nodiscard]] Result<SigningState> state_after_commit(const SigningState& now,
                                                      firmware::Platform& platform);

}  // namespace extreq::host
