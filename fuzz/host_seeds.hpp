// The seeds of the fuzzers of what a host talks to: key service, mirror, VMMs.
// Failure: std::runtime_error. Threading: one thread.
#pragma once

#include "fuzz/corpus.hpp"

namespace extreq::fuzz {

void host_seeds(const Corpus& corpus);

}  // namespace extreq::fuzz
