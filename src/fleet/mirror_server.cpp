#include "fleet/mirror_server.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include <httplib.h>

namespace extreq::fleet {
namespace {

constexpr time_t peer_patience_s = 5;
constexpr std::size_t requests_per_connection = 1000;

// Threads that take connections as they can: who has none free lets the next one wait in the
// kernel's backlog, so that clients cannot fill our memory or our descriptors.
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

void write(const MirrorAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_header("Cache-Control", answer.cache_control);
  if (answer.retry_after_s > 0) {
    response.set_header("Retry-After", std::to_string(answer.retry_after_s));
  }
  if (answer.stale) response.set_header("Warning", "110 extreq \"Response is Stale\"");
  response.set_content(answer.body, answer.content_type);
}

}  // namespace

class MirrorServer::Running {
 public:
  Running(Mirror& mirror, unsigned threads) : mirror_(mirror) {
    server_.new_task_queue = [threads] {
      return new BoundedThreads(threads);  // NOLINT: the server deletes it
    };
    server_.set_payload_max_length(0);
    server_.set_read_timeout(peer_patience_s);
    server_.set_write_timeout(peer_patience_s);
    server_.set_keep_alive_timeout(peer_patience_s);
    server_.set_keep_alive_max_count(requests_per_connection);
    server_.set_tcp_nodelay(true);
    route();
  }

  ~Running() {
    mirror_.stop();
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Running(Running&&) = delete;
  Running& operator=(Running&&) = delete;

  Status start(const std::string& address, int port) {
    port_ = port;
    if (port == 0) {
      port_ = server_.bind_to_any_port(address);
    } else if (!server_.bind_to_port(address, port)) {
      port_ = -1;
    }
    if (port_ < 0) return fail(Code::io, "cannot listen on {}:{}: is it taken?", address, port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() needs the loop
    return {};
  }

  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  void route() {
    using httplib::Request;
    using httplib::Response;
    server_.Get("/healthz", [](const Request&, Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [this](const Request&, Response& response) {
      const bool ready = mirror_.ready();
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "not ready\n", "text/plain");
    });
    server_.Get("/metrics", [this](const Request&, Response& response) {
      response.set_content(mirror_.metrics(), "text/plain; version=0.0.4");
    });
    server_.Get(".*", [this](const Request& request, Response& response) {
      write(mirror_.answer(request.target), response);
    });
  }

  Mirror& mirror_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = -1;
};

Result<std::unique_ptr<MirrorServer>> MirrorServer::start(Mirror& mirror,
                                                          const std::string& address, int port,
                                                          unsigned threads) {
  auto running = std::make_unique<Running>(mirror, threads);
  if (auto status = running->start(address, port); !status) {
    return tl::unexpected(status.error());
  }
  return std::unique_ptr<MirrorServer>(new MirrorServer(std::move(running)));
}

MirrorServer::MirrorServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
MirrorServer::~MirrorServer() = default;

int MirrorServer::port() const noexcept { return running_->port(); }

}  // namespace extreq::fleet
