// The soak's readers: each takes a lease in its own way, has a report signed while it holds it, and
// judges whether the table that it held is the report's.
#pragma once

#include "tests/soak/scene.hpp"

namespace extreq::soak {

// Serves requests until none is left. One call for each process.
void read_requests(const Scene& scene, Kind kind);

}  // namespace extreq::soak
