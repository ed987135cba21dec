// BoundedThreads: so many threads for an httplib::Server's connections, each serving one. Who finds
// none free waits in the kernel's backlog, so that clients cannot fill our memory or descriptors.
//
// Lifetime: the server that new_task_queue gave it to deletes it. Threading: enqueue() and
// shutdown() from the server's own thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <httplib.h>

namespace extreq::host {

class BoundedThreads final : public httplib::TaskQueue {
 public:
  explicit BoundedThreads(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this] { work(); });
    }
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [this] { return tasks_.size() < threads_.size() || ending_; });
    tasks_.push_back(std::move(task));
    added_.notify_one();
  }

  // What was enqueued is done before.
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    added_.notify_all();
    taken_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void work() {
    while (true) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        added_.wait(lock, [this] { return !tasks_.empty() || ending_; });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      taken_.notify_one();
      task();
    }
  }

  std::mutex mutex_;
  std::condition_variable added_;
  std::condition_variable taken_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace extreq::host
