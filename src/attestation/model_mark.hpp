// How certificates of extreq's software model are told from AMD's.
//
// The model's subjects and issuers have the organization below, and its common names end in the
// mark: "ARK-Milan (extreq software model, not AMD)". This is for people: a model's root is trusted
// only where its user names it, whatever it says about itself.
// Threading: pure functions.
#pragma once

#include <string_view>

#include "crypto/x509.hpp"

namespace extreq::attestation {

inline constexpr std::string_view model_organization = "extreq software model";
inline constexpr std::string_view model_common_name_mark = " (extreq software model, not AMD)";

// The issuer's name has that organization: true for the model's root and for all below it.
[[nodiscard]] bool is_model_certificate(const crypto::Certificate& certificate);

}  // namespace extreq::attestation
