// The paths of AMD's Key Distribution Service (document 57230), built and read in one place: the
// client, `extreq kds url`, the model's service and a mirror share them.
//
//   /vcek/v1/{product}/{chip id}?blSPL=..&teeSPL=..&snpSPL=..&ucodeSPL=..   DER; fmcSPL first where
//                                                                           the product has it
//   /vlek/v1/{product}/cert?blSPL=..&...                                    DER; providers alone
//   /{vcek|vlek}/v1/{product}/cert_chain                                    PEM: ASK or ASVK, ARK
//   /{vcek|vlek}/v1/{product}/crl                                           DER
// Threading: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "abi/kds.hpp"
#include "host/certificate_key.hpp"

namespace extreq::host {

enum class KdsObject : std::uint8_t { leaf, cert_chain, crl };

struct KdsRequest {
  KdsObject object = KdsObject::leaf;
  // For chain and CRL: product and kind alone. A VLEK's holder is not in its path: the service
  // knows the provider by its TLS certificate.
  CertificateKey key;
};

// Path and query. Chip ids in lower case, SPLs as decimals of two digits at least, as AMD writes
// them. Failure: invalid_input: a chip id of another size than the product's, or a TCB that is not
// in its layout.
[[nodiscard]] Result<std::string> kds_path(const KdsRequest& request);

// Strict: every parameter of the product once, in any order, spelled as AMD spells it, and no
// other. Failure: invalid_input, naming what is wrong; not_found for a path that is none of the
// above.
[[nodiscard]] Result<KdsRequest> parse_kds_path(std::string_view path);

// "https://kdsintf.amd.com" + path; slashes at the end of `base_url` are left out.
[[nodiscard]] std::string kds_url(std::string_view base_url, std::string_view path);

// Product, the form of its chip ids, and every component of the TCB with the parameter's name: what
// to compare when the service says that there is no such certificate.
[[nodiscard]] std::string explain(const KdsRequest& request);

}  // namespace extreq::host
