// TableParts: the certificates of one table, and how they become its bytes.
//
// Threading: values and pure functions.
#pragma once

#include <chrono>
#include <optional>

#include "host/certificate_key.hpp"
#include "lease/table_shape.hpp"

namespace extreq::host {

struct TableParts {
  KeyKind kind = KeyKind::vcek;
  crypto::Certificate leaf;
  crypto::Certificate intermediate;
  crypto::Certificate root;
  Bytes crl;  // DER; none: left out
};

// The table (GHCB specification, "SNP Extended Guest Request") with leaf, ASK or ASVK, ARK and CRL.
// Where that is more than `size_limit`, without the CRL, which verifiers can fetch; then without
// the ARK too, which they have to have anyhow. Failure: too_small: leaf and intermediate alone are
// larger.
[[nodiscard]] Result<Bytes> make_table(const TableParts& parts,
                                       std::size_t size_limit = lease::table_size_limit);

// Until when the CRL in `table` is fresh; nullopt without one.
[[nodiscard]] std::optional<std::chrono::sys_seconds> crl_end_in(ByteView table);

}  // namespace extreq::host
