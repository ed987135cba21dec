// Rollout: the hosts of a fleet and the TCBs that they will have: whose certificates are missing?
//
// Threading: values; missing_leaves() as its store.
#pragma once

#include <string_view>
#include <vector>

#include "fleet/mirror_records.hpp"
#include "host/store.hpp"

namespace extreq::fleet {

struct FleetHost {
  attestation::Product product{};
  Bytes chip_id;

  friend bool operator==(const FleetHost&, const FleetHost&) = default;
};

// One host in each line: product and chip id in hexadecimal ("Milan 0123..."), separated by spaces;
// what follows # is a remark. Each host once, in the order of the text.
// Failure: invalid_input, naming the line.
[[nodiscard]] Result<std::vector<FleetHost>> parse_hosts(std::string_view text);

// The hosts that reported themselves since then, and those whose VCEK for any TCB is stored. It
// reads the whole store.
[[nodiscard]] Result<std::vector<FleetHost>> hosts_of(host::CertificateStore& store,
                                                      MirrorRecords& records,
                                                      std::chrono::sys_seconds since);

// The TCB that the hosts of each product will report.
struct TargetTcb {
  attestation::Product product{};
  attestation::Tcb tcb;
};
// "Milan:bl=4,tee=0,snp=22,ucode=213" (host/tcb_text.hpp). Failure: invalid_input.
[[nodiscard]] Result<TargetTcb> parse_target(std::string_view text);

// The keys that the hosts will sign with. Failure: invalid_input for a host of a product without
// target.
[[nodiscard]] Result<std::vector<host::CertificateKey>> keys_after(
    const std::vector<FleetHost>& hosts, const std::vector<TargetTcb>& targets);

// Those of `keys` without a certificate that is valid at `now`. Failure: as the store.
[[nodiscard]] Result<std::vector<host::CertificateKey>> missing_leaves(
    host::CertificateStore& store, const std::vector<host::CertificateKey>& keys,
    std::chrono::sys_seconds now);

}  // namespace extreq::fleet
