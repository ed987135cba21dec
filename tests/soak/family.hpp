// Family: the soak's processes, and the one who kills among them.
#pragma once

#include <array>
#include <functional>
#include <random>
#include <set>

#include <sys/types.h>

#include "tests/soak/scene.hpp"

namespace extreq::soak {

class Family {
 public:
  // Orphans (the commands of killed updaters) become children of this process from here on.
  explicit Family(const Scene& scene);

  // Readers, service and updaters, one of which after the other is killed, until all requests are
  // served. When it returns every process is gone. A process that ends otherwise than it should
  // counts as a failure and ends the run.
  void run();

  // By the phase in which the updater was.
  [[nodiscard]] const std::array<std::uint64_t, phases>& kills() const noexcept { return kills_; }

  [[nodiscard]] std::uint64_t service_kills() const noexcept { return service_kills_; }

 private:
  // A child whose exceptions are failures.
  pid_t start(const std::function<void()>& body) const;
  void start_readers();
  void start_service();
  // Lets it live for a while, waits for a phase chosen by lot, and kills it there; each fourth time
  // the service with it, which is started anew.
  void kill_somewhere(pid_t updater);
  // Reaps whoever ended. False: nobody did.
  bool reap_one(bool wait);

  const Scene& scene_;
  std::set<pid_t> children_;  // those that must end by themselves, with 0
  pid_t updater_ = -1;
  pid_t service_ = -1;
  std::uint64_t service_kills_ = 0;
  std::mt19937_64 lot_;
  std::array<std::uint64_t, phases> kills_{};
};

}  // namespace extreq::soak
