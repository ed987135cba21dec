#include "sim/model_kds_server.hpp"

#include <condition_variable>
#include <mutex>

#include <fmt/format.h>
#include <httplib.h>

#include "host/http_listener.hpp"

namespace extreq::sim {
namespace {

constexpr std::size_t longest_request_body = 4096;
constexpr unsigned connections = 16;
constexpr time_t peer_patience_seconds = 5;

}  // namespace

class ModelKdsServer::Running {
 public:
  explicit Running(ModelKds& kds) : kds_(kds) {
    server_.set_payload_max_length(longest_request_body);
    server_.set_read_timeout(peer_patience_seconds);
    server_.set_write_timeout(peer_patience_seconds);
    server_.set_keep_alive_max_count(1);
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      respond(request.target, response);
    });
  }

  ~Running() {
    {
      const std::lock_guard guard(mutex_);
      ending_ = true;
    }
    end_.notify_all();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  Status start(const std::string& address, int port) {
    if (auto started = listener_.start(address, port); !started) return started;
    url_ = fmt::format("http://{}:{}", address, listener_.port());
    return {};
  }

  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  void respond(const std::string& path, httplib::Response& response) {
    auto answer = kds_.answer(path);
    {
      std::unique_lock guard(mutex_);
      end_.wait_for(guard, answer.delay, [&] { return ending_; });
    }
    response.status = answer.status;
    if (!answer.retry_after.empty()) response.set_header("Retry-After", answer.retry_after);
    std::string body(answer.body.begin(), answer.body.end());
    if (!answer.truncated) {
      response.set_content(std::move(body), answer.content_type);
      return;
    }
    const std::size_t size = body.size();
    response.set_content_provider(
        size, answer.content_type,
        [body = std::move(body)](std::size_t offset, std::size_t, httplib::DataSink& sink) {
          const std::size_t half = body.size() / 2;
          if (offset >= half) return false;
          return sink.write(body.data() + offset, half - offset);
        });
  }

  ModelKds& kds_;
  httplib::Server server_;
  std::string url_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  host::HttpListener listener_{server_, connections};
};

ModelKdsServer::ModelKdsServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
ModelKdsServer::~ModelKdsServer() = default;

const std::string& ModelKdsServer::url() const noexcept { return running_->url(); }

Result<std::unique_ptr<ModelKdsServer>> ModelKdsServer::start(ModelKds& kds,
                                                              const std::string& address,
                                                              int port) {
  auto running = std::make_unique<Running>(kds);
  if (auto started = running->start(address, port); !started) {
    return tl::unexpected(std::move(started).error());
  }
  return std::unique_ptr<ModelKdsServer>(new ModelKdsServer(std::move(running)));
}

}  // namespace extreq::sim
