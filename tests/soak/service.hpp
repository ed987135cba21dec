// The soak's service: what `extreq host serve` runs, on the scene's blob and at the scene's socket.
#pragma once

#include "tests/soak/scene.hpp"

namespace extreq::soak {

// Turns of host::Service, 100 ms apart at most, and leases over the socket, until no request is
// left. Failure: throws std::runtime_error: a turn that took longer than a writer may wait, a table
// that had to be withdrawn although everybody keeps the lock, anything but a lock that is busy.
void keep_true(const Scene& scene);

}  // namespace extreq::soak
