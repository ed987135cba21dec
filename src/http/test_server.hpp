// A server with a handler that a test scripts.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <utility>

#include "http/server.hpp"

namespace extreq::http {

// Answers "/now" at once; all else by `worker`, which is told when the end has come.
class TestHandler final : public Handler {
 public:
  using Worker = std::function<Response(const Request&)>;
  explicit TestHandler(Worker worker) : worker_(std::move(worker)) {}

  std::optional<Response> at_once(const Request& request) override {
    if (request.path() == "/now") return Response{200, "text/plain", "now\n", {}, false};
    return std::nullopt;
  }
  Response answer(const Request& request) override {
    ++asked;
    return worker_(request);
  }
  void stop() override {
    if (!stopped.exchange(true)) end_.set_value();
  }

  // Until stop().
  void wait_for_the_end() const { ended_.wait(); }

  std::atomic<unsigned> asked = 0;
  std::atomic<bool> stopped = false;

 private:
  Worker worker_;
  std::promise<void> end_;
  std::shared_future<void> ended_ = end_.get_future().share();
};

}  // namespace extreq::http
