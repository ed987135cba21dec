// StepLog: what happened to one request, in the order in which it happened, for people to read.
//
// Threading: any thread.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace extreq::sim {

struct Step {
  std::string who;   // "guest", "hypervisor", "VMM", "firmware"
  std::string what;  // a sentence
};

class StepLog {
 public:
  void add(std::string who, std::string what) {
    const std::scoped_lock lock(mutex_);
    steps_.push_back({std::move(who), std::move(what)});
  }
  [[nodiscard]] std::vector<Step> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(steps_, {});
  }

 private:
  std::mutex mutex_;
  std::vector<Step> steps_;
};

}  // namespace extreq::sim
