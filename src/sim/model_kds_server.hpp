// ModelKdsServer: ModelKds behind HTTP, with the bounds of http/server.hpp.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "http/server.hpp"
#include "sim/model_kds.hpp"

namespace extreq::sim {

class ModelKdsServer final : private http::Handler {
 public:
  // Effect: listens on `address` and answers from threads of its own until it is destroyed.
  // `port` 0: a free one. Lifetime: `kds` must outlive it.
  // Failure: io if the address is not available, or the system has no more threads.
  [[nodiscard]] static Result<std::unique_ptr<ModelKdsServer>> start(
      ModelKds& kds, const std::string& address = "127.0.0.1", int port = 0);

  // "http://127.0.0.1:41234"
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  explicit ModelKdsServer(ModelKds& kds) : kds_(kds) {}

  std::optional<http::Response> at_once(const http::Request& /*request*/) override { return {}; }
  http::Response answer(const http::Request& request) override;
  void stop() override;

  ModelKds& kds_;
  std::string url_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;  // guarded by mutex_
  std::unique_ptr<http::Server> server_;
};

}  // namespace extreq::sim
