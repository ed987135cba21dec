// How answers to checks are made (checks.hpp).
//
// Words cost more than most checks: where a check did not fail, they are made only if somebody
// wants to know them (Expectations::explain_all). A failure always says why.
// Threading: values and pure functions.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "attestation/checks.hpp"

namespace extreq::attestation {

[[nodiscard]] inline Check failed(CheckId id, std::string why) {
  return {id, CheckState::failed, std::move(why)};
}

// `why` gives the words, and is called only where they are wanted.
struct Explain {
  bool all = true;

  template <std::invocable Why>
  [[nodiscard]] Check passed(CheckId id, const Why& why) const {
    return {id, CheckState::passed, all ? std::string(why()) : std::string()};
  }
  template <std::invocable Why>
  [[nodiscard]] Check not_done(CheckId id, const Why& why) const {
    return {id, CheckState::not_done, all ? std::string(why()) : std::string()};
  }
  [[nodiscard]] Check not_done(CheckId id, const char* why) const {
    return not_done(id, [why] { return why; });
  }
};

}  // namespace extreq::attestation
