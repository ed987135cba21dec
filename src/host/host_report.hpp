// HostReport: what a host tells its fleet's mirror about itself (doc/fleet.md): which chip it is,
// which TCB its reports carry, and which they would carry after SNP_COMMIT.
//
// On the wire it is one line of text, in the words of a fleet's list of hosts and of --to-tcb:
//   Milan 3fe1... bl=4,tee=0,snp=22,ucode=213 bl=4,tee=0,snp=23,ucode=215
// product, chip id, reported TCB, current TCB. Threading: pure functions; read_host_report as the
// platform.
#pragma once

#include <string>
#include <string_view>

#include "attestation/product.hpp"
#include "attestation/tcb.hpp"
#include "base/bytes.hpp"
#include "firmware/platform.hpp"

namespace extreq::host {

inline constexpr std::string_view host_report_path = "/fleet/v1/hosts";
inline constexpr std::size_t host_report_max = 1024;  // bytes of the line

struct HostReport {
  attestation::Product product{};
  Bytes chip_id;  // as long as the product's
  attestation::Tcb reported_tcb;
  attestation::Tcb current_tcb;

  friend bool operator==(const HostReport&, const HostReport&) = default;
};

// As the platform is now. Failure: io, with the command's own words; unsupported for a processor
// without known product; invalid_input for a chip id or TCB that is not the product's.
[[nodiscard]] Result<HostReport> read_host_report(firmware::Platform& platform);

[[nodiscard]] std::string to_line(const HostReport& report);

// Strict: four words, each component of a TCB once, nothing behind but one line feed.
// Failure: invalid_input, naming what is wrong; unsupported for an unknown product.
[[nodiscard]] Result<HostReport> parse_host_report(std::string_view line);

// A chip id in hexadecimal, of the product's length; longer with zeros behind it, as reports have
// it, is the same. Failure: invalid_input.
[[nodiscard]] Result<Bytes> parse_chip_id(attestation::Product product, std::string_view text);

}  // namespace extreq::host
