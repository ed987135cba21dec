// TCBs as people write them on a command line.
//
// Threading: a pure function.
#pragma once

#include <string_view>

#include "attestation/tcb.hpp"
#include "base/result.hpp"

namespace extreq::host {

// "bl=4,tee=0,snp=22,ucode=213", with "fmc=1," in Turin's layout: every component once, in any
// order; or the TCB_VERSION as a number, "0xd516000000000004".
// Failure: invalid_input, naming what is wrong with it.
[[nodiscard]] Result<attestation::Tcb> parse_tcb(std::string_view text,
                                                 attestation::Product product);

}  // namespace extreq::host
