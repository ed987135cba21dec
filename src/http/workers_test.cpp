#include "http/workers.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace extreq::http {
namespace {

TEST(Workers, TasksBeyondThreadsAndQueueAreRefusedUntilOneIsDone) {
  std::promise<void> go_on;
  auto wait = go_on.get_future().share();
  std::atomic<unsigned> done = 0;
  const auto workers = Workers::start(2).value();
  const auto task = [&done, wait] {
    wait.wait();
    ++done;
  };
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(workers->offer(task)) << i;
  EXPECT_FALSE(workers->offer(task));
  go_on.set_value();
  while (!workers->offer(task)) std::this_thread::yield();
  while (done < 5) std::this_thread::yield();
}

}  // namespace
}  // namespace extreq::http
