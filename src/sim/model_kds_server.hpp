// ModelKdsServer: ModelKds behind HTTP.
#pragma once

#include <memory>
#include <string>

#include "sim/model_kds.hpp"

namespace extreq::sim {

class ModelKdsServer {
 public:
  // Effect: listens on `address` and answers from threads of its own until it is destroyed.
  // `port` 0: a free one. Lifetime: `kds` must outlive it.
  // Failure: io if the address cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<ModelKdsServer>> start(
      ModelKds& kds, const std::string& address = "127.0.0.1", int port = 0);
  ~ModelKdsServer();
  ModelKdsServer(const ModelKdsServer&) = delete;
  ModelKdsServer& operator=(const ModelKdsServer&) = delete;

  // "http://127.0.0.1:41234"
  [[nodiscard]] const std::string& url() const noexcept;

 private:
  class Running;
  explicit ModelKdsServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace extreq::sim
