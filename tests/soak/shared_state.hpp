// SharedState: what the soak's processes count together. It lies in a mapped file, so that it
// survives every kill and the command, which is started with exec, finds it too.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace extreq::soak {

enum class Kind : std::uint8_t { library, foreign, foreign_keeping, socket };
inline constexpr std::size_t kinds = 4;

// Where the update is. The killer waits for the one that it wants to kill in.
enum class Phase : std::uint32_t { resting, preparing, commanding, changed, publishing };
inline constexpr std::size_t phases = 5;

struct SharedState {
  using Count = std::atomic<std::uint64_t>;
  static_assert(Count::is_always_lock_free);

  std::atomic<std::int64_t> left{0};  // requests that nobody has begun
  std::array<Count, kinds> requests{};
  Count with_table{0};
  Count empty_tables{0};
  Count verified{0};     // of with_table: report and certificates verified in full
  Count busy{0};         // a foreign reader did not get the lock at once
  Count no_service{0};   // over the socket: not now, or the service was killed
  Count mismatches{0};   // the report is not of the table held
  Count torn_tables{0};  // no table that was ever published
  Count failures{0};     // anything else that must not happen; said on standard error
  Count updates{0};      // that ended with the key changed and its table published
  Count repairs{0};      // tables published anew after a kill
  Count service_publications{0};
  Count service_busy{0};  // turns that met an update under way
  Count longest_wait{0};  // of a writer for the lock, microseconds
  Count longest_held{0};  // guests held, microseconds
  std::atomic<Phase> phase{Phase::resting};

  void note_longest(Count& longest, std::uint64_t value) noexcept {
    std::uint64_t before = longest.load();
    while (before < value && !longest.compare_exchange_weak(before, value)) {
    }
  }
};

// Maps the file at `path`, which is made, with counters of 0, if it is missing. The mapping lives
// as long as the process. Failure: io.
[[nodiscard]] Result<SharedState*> map_shared_state(const std::string& path);

}  // namespace extreq::soak
