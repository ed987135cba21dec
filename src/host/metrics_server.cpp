#include "host/metrics_server.hpp"

#include <charconv>
#include <mutex>
#include <thread>
#include <utility>

#include <httplib.h>

#include "host/bounded_threads.hpp"

namespace extreq::host {
namespace {

constexpr unsigned metrics_threads = 4;
constexpr time_t scraper_patience_s = 5;
constexpr int status_method_not_allowed = 405;

bool has_body(const httplib::Request& request) {
  return request.has_header("Transfer-Encoding") ||
         (request.has_header("Content-Length") &&
          (request.get_header_value_count("Content-Length") != 1 ||
           request.get_header_value("Content-Length") != "0"));
}

}  // namespace

Result<HttpEndpoint> parse_http_endpoint(std::string_view text) {
  constexpr int highest_port = 65535;
  HttpEndpoint endpoint;
  const auto colon = text.rfind(':');
  const auto digits = colon == std::string_view::npos ? text : text.substr(colon + 1);
  auto address = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string_view::npos) {
    return fail(Code::invalid_input, "{}: an IPv6 address stands in brackets: [::1]:9464", text);
  }
  const auto [end, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  if (problem != std::errc{} || end != digits.data() + digits.size() || endpoint.port < 0 ||
      endpoint.port > highest_port) {
    return fail(Code::invalid_input, "{}: wanted ADDRESS:PORT with a port from 0 to 65535", text);
  }
  if (!address.empty()) endpoint.address = address;
  return endpoint;
}

class MetricsServer::Running {
 public:
  explicit Running(std::string text) : text_(std::move(text)) {
    server_.new_task_queue = [] {
      return new BoundedThreads(metrics_threads);  // NOLINT: the server deletes it
    };
    server_.set_payload_max_length(0);
    server_.set_read_timeout(scraper_patience_s);
    server_.set_write_timeout(scraper_patience_s);
    server_.set_keep_alive_timeout(scraper_patience_s);
    server_.set_keep_alive_max_count(1);  // what follows a request is nobody's next one
    server_.set_tcp_nodelay(true);
    server_.set_socket_options(keep_port);
    route();
  }

  ~Running() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Running(Running&&) = delete;
  Running& operator=(Running&&) = delete;

  Status start(const HttpEndpoint& endpoint) {
    port_ = endpoint.port;
    if (port_ == 0) {
      port_ = server_.bind_to_any_port(endpoint.address);
    } else if (!server_.bind_to_port(endpoint.address, port_)) {
      port_ = -1;
    }
    if (port_ < 0) {
      return fail(Code::io, "cannot listen on {}:{}: is it taken?", endpoint.address,
                  endpoint.port);
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // stop() needs the loop
    return {};
  }

  void show(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }

  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  void route() {
    using httplib::Request;
    using httplib::Response;
    using Admission = httplib::Server::HandlerResponse;
    server_.set_pre_routing_handler([](const Request& request, Response& response) {
      const bool get = request.method == "GET" || request.method == "HEAD";
      if (get && !has_body(request)) return Admission::Unhandled;
      response.status = status_method_not_allowed;
      response.set_header("Allow", "GET, HEAD");
      response.set_content("wanted: GET, without a body\n", "text/plain");
      return Admission::Handled;
    });
    server_.Get("/metrics", [this](const Request&, Response& response) {
      const std::lock_guard lock(mutex_);
      response.set_content(text_, "text/plain; version=0.0.4");
    });
  }

  std::mutex mutex_;
  std::string text_;  // guarded by mutex_
  httplib::Server server_;
  std::thread thread_;
  int port_ = -1;
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const HttpEndpoint& endpoint,
                                                            std::string text) {
  auto running = std::make_unique<Running>(std::move(text));
  if (auto status = running->start(endpoint); !status) return tl::unexpected(status.error());
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(running)));
}

MetricsServer::MetricsServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
MetricsServer::~MetricsServer() = default;

void MetricsServer::show(std::string text) { running_->show(std::move(text)); }

int MetricsServer::port() const noexcept { return running_->port(); }

}  // namespace extreq::host
