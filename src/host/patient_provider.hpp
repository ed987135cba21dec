// PatientProvider: asks another provider less and less often for what it does not have.
//
// Effect: a state that failed is asked for again only when a pause is over, which doubles from
// `first` to `longest`; until then the last failure is given again, with the rest of the pause in
// words. Another state is asked for at once, and a success forgets the pause.
// Threading: one thread at a time.
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "host/signing_state.hpp"

namespace extreq::host {

struct Patience {
  Clock::Duration first = std::chrono::seconds(5);
  Clock::Duration longest = std::chrono::minutes(10);
};

class PatientProvider {
 public:
  // `clock` must outlive this.
  PatientProvider(CertificateProvider provider, Clock& clock, Patience patience = {});

  [[nodiscard]] Result<Bytes> table_for(const SigningState& state);

  // table_for() as a function. Lifetime: must not outlive this.
  [[nodiscard]] CertificateProvider provider();

  // How long until `state` is asked for again; zero: at once.
  [[nodiscard]] Clock::Duration pause(const SigningState& state) const;

 private:
  struct Failure {
    SigningState state;
    Error error;
    Clock::Duration pause{};
    Clock::TimePoint until{};
  };

  CertificateProvider provider_;
  Clock& clock_;
  Patience patience_;
  std::optional<Failure> failure_;
};

}  // namespace extreq::host
