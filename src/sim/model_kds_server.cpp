#include "sim/model_kds_server.hpp"

#include <fmt/format.h>

#include "base/try.hpp"

namespace extreq::sim {

http::Response ModelKdsServer::answer(const http::Request& request) {
  ModelKdsAnswer answer = kds_.answer(request.target);
  {
    std::unique_lock lock(mutex_);
    end_.wait_for(lock, answer.delay, [this] { return ending_; });
  }
  http::Response response;
  response.status = static_cast<unsigned>(answer.status);
  response.content_type = std::move(answer.content_type);
  response.body.assign(answer.body.begin(), answer.body.end());
  response.truncated = answer.truncated;
  if (!answer.retry_after.empty()) {
    response.headers.emplace_back("Retry-After", std::move(answer.retry_after));
  }
  return response;
}

void ModelKdsServer::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  end_.notify_all();
}

Result<std::unique_ptr<ModelKdsServer>> ModelKdsServer::start(ModelKds& kds,
                                                              const std::string& address,
                                                              int port) {
  std::unique_ptr<ModelKdsServer> model(new ModelKdsServer(kds));
  http::Server::Options options;
  options.address = address;
  options.port = port;
  EXTREQ_TRY_ASSIGN(model->server_, http::Server::start(*model, options));
  const bool ipv6 = address.find(':') != std::string::npos;
  model->url_ = fmt::format("http://{}{}{}:{}", ipv6 ? "[" : "", address, ipv6 ? "]" : "",
                            model->server_->port());
  return model;
}

}  // namespace extreq::sim
