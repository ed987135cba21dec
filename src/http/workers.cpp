#include "http/workers.hpp"

#include <system_error>
#include <utility>

namespace extreq::http {

Result<std::unique_ptr<Workers>> Workers::start(unsigned threads) {
  std::unique_ptr<Workers> workers(new Workers(threads));
  try {
    for (unsigned i = 0; i < threads; ++i) {
      workers->threads_.emplace_back([pool = workers.get()] { pool->work(); });
    }
  } catch (const std::system_error& problem) {
    return fail(Code::io, "cannot start thread {} of {} of the HTTP server: {}",
                workers->threads_.size() + 1, threads, problem.what());
  }
  return workers;
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

bool Workers::offer(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (running_ + tasks_.size() >= unfinished_max_) return false;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !tasks_.empty() || ending_; });
    if (ending_) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    ++running_;
    lock.unlock();
    task();
    lock.lock();
    --running_;
  }
}

}  // namespace extreq::http
