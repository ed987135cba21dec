// Workers: a fixed number of threads for tasks that may wait, and a bounded queue before them.
//
// Threading: offer() from one thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.hpp"

namespace extreq::http {

class Workers {
 public:
  // Failure: io if the system has no more threads.
  [[nodiscard]] static Result<std::unique_ptr<Workers>> start(unsigned threads);
  // Waits for the tasks that run; those still in the queue are dropped.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  Workers(Workers&&) = delete;
  Workers& operator=(Workers&&) = delete;

  // Effect: one of the threads runs `task`. Returns false, without effect, if all of them work and
  // as many tasks again wait already.
  [[nodiscard]] bool offer(std::function<void()> task);

 private:
  explicit Workers(unsigned threads) : unfinished_max_(2 * std::size_t{threads}) {}
  void work();

  const std::size_t unfinished_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  std::size_t running_ = 0;                  // guarded by mutex_
  bool ending_ = false;                      // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace extreq::http
