// The soak's updater.
#pragma once

#include "tests/soak/scene.hpp"

namespace extreq::soak {

// How long a writer waits for the lock. It must never need it: who does is a failure.
inline constexpr std::chrono::seconds lock_wait_max{20};

// Repairs what a killed predecessor left, then changes the reported TCB every 50 ms until no
// request is left. `life`: which one of the updaters in a row it is.
void change_tcb(const Scene& scene, std::uint64_t life);

// The command: a process of its own. `arguments`: what change_tcb() gave it.
[[nodiscard]] int run_command(const std::vector<std::string>& arguments);

}  // namespace extreq::soak
