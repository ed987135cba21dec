#include "host/metrics_server.hpp"

#include <charconv>
#include <mutex>
#include <utility>

#include <httplib.h>

#include "host/http_listener.hpp"

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
    server_.set_payload_max_length(0);
    server_.set_read_timeout(scraper_patience_s);
    server_.set_write_timeout(scraper_patience_s);
    server_.set_keep_alive_timeout(scraper_patience_s);
    server_.set_keep_alive_max_count(1);  // what follows a request is nobody's next one
    route();
  }

  Status start(const HttpEndpoint& endpoint) {
    return listener_.start(endpoint.address, endpoint.port);
  }

  void show(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }

  [[nodiscard]] int port() const noexcept { return listener_.port(); }

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
  HttpListener listener_{server_, metrics_threads};
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
