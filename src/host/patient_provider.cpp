#include "host/patient_provider.hpp"

#include <algorithm>
#include <utility>

namespace extreq::host {

PatientProvider::PatientProvider(CertificateProvider provider, Clock& clock, Patience patience)
    : provider_(std::move(provider)), clock_(clock), patience_(patience) {}

Result<Bytes> PatientProvider::table_for(const SigningState& state) {
  if (const auto rest = pause(state); rest > Clock::Duration::zero()) {
    return fail(failure_->error.code, "{}; asked again in {} s", failure_->error.message,
                std::chrono::ceil<std::chrono::seconds>(rest).count());
  }
  auto table = provider_(state);
  if (table) {
    failure_.reset();
    return table;
  }
  const bool again = failure_ && failure_->state == state;
  const auto next = again ? std::min(failure_->pause * 2, patience_.longest) : patience_.first;
  failure_ = Failure{state, table.error(), next, clock_.now() + next};
  return table;
}

CertificateProvider PatientProvider::provider() {
  return [this](const SigningState& state) { return table_for(state); };
}

Clock::Duration PatientProvider::pause(const SigningState& state) const {
  if (!failure_ || failure_->state != state) return {};
  return std::max(failure_->until - clock_.now(), Clock::Duration::zero());
}

}  // namespace extreq::host
