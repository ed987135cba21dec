// The X.509 extensions of VCEK and VLEK certificates, in AMD's forms and AMD's order.
//
// Document 57230, "VCEK Certificate Definition"; forms and order as in real certificates of Milan
// and Turin. Threading: pure functions.
#pragma once

#include <string_view>
#include <vector>

#include "attestation/tcb.hpp"
#include "crypto/x509.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

[[nodiscard]] std::vector<crypto::CertificateExtension> vcek_extensions(
    attestation::Product product, const attestation::Tcb& tcb, const ChipId& chip_id);
[[nodiscard]] std::vector<crypto::CertificateExtension> vlek_extensions(
    attestation::Product product, const attestation::Tcb& tcb, std::string_view csp_id);

}  // namespace extreq::firmware::model
