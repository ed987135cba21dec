#include "fleet/mirror_server.hpp"

#include <charconv>

#include "fleet/pipelining_server.hpp"
#include "host/http_listener.hpp"

namespace extreq::fleet {
namespace {

constexpr int status_no_content = 204;
constexpr int status_unauthorized = 401;
constexpr int status_method_not_allowed = 405;
constexpr int status_payload_too_large = 413;
constexpr std::chrono::seconds peer_patience(5);
constexpr std::size_t requests_per_connection = 1000;

void write(const MirrorAnswer& answer, httplib::Response& response) {
  response.status = answer.status;
  response.set_header("Cache-Control", answer.cache_control);
  if (answer.retry_after_s > 0) {
    response.set_header("Retry-After", std::to_string(answer.retry_after_s));
  }
  if (answer.stale) response.set_header("Warning", "110 extreq \"Response is Stale\"");
  if (answer.status == status_unauthorized) response.set_header("WWW-Authenticate", "Bearer");
  if (answer.status != status_no_content) response.set_content(answer.body, answer.content_type);
}

bool announces_body(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding")) return true;
  for (std::size_t i = 0; i < request.get_header_value_count("Content-Length"); ++i) {
    if (request.get_header_value("Content-Length", i) != "0") return true;
  }
  return false;
}

// One length in digits, within the limit.
bool announces_report(const httplib::Request& request) {
  if (request.has_header("Transfer-Encoding") ||
      request.get_header_value_count("Content-Length") != 1) {
    return false;
  }
  const std::string length = request.get_header_value("Content-Length");
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(length.data(), length.data() + length.size(), value);
  return problem == std::errc{} && end == length.data() + length.size() &&
         value <= host::host_report_max;
}

// The body stays unread, so that nothing of it is taken for the next request: a body of ours that
// is said to have failed when it is written makes the server close the connection.
void refuse_and_close(httplib::Response& response, int status, const std::string& why) {
  response.status = status;
  response.set_header("Cache-Control", "no-store");
  response.set_content_provider(why.size(), "text/plain",
                                [why](std::size_t, std::size_t, httplib::DataSink& sink) {
                                  sink.write(why.data(), why.size());
                                  return false;
                                });
}

}  // namespace

class MirrorServer::Running {
 public:
  Running(Mirror& mirror, ReportDesk* desk, unsigned threads)
      : mirror_(mirror), desk_(desk), listener_(server_, threads) {
    server_.set_payload_max_length(host::host_report_max);
    server_.set_keep_alive_max_count(requests_per_connection);
    route();
  }

  ~Running() { mirror_.stop(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Running(Running&&) = delete;
  Running& operator=(Running&&) = delete;

  Status start(const std::string& address, int port) { return listener_.start(address, port); }

  [[nodiscard]] int port() const noexcept { return listener_.port(); }

 private:
  // Before any body is read.
  httplib::Server::HandlerResponse admit(const httplib::Request& request,
                                         httplib::Response& response) const {
    using Admission = httplib::Server::HandlerResponse;
    const bool get = request.method == "GET" || request.method == "HEAD";
    const bool report =
        desk_ != nullptr && request.method == "POST" && request.path == host::host_report_path;
    if (!get && !report) {
      response.set_header("Allow", "GET, HEAD");
      refuse_and_close(response, status_method_not_allowed, "wanted: GET\n");
      return Admission::Handled;
    }
    if (get ? !announces_body(request) : announces_report(request)) return Admission::Unhandled;
    refuse_and_close(response, status_payload_too_large,
                     get ? "a request has no body here\n"
                         : "wanted: a report with its length, of at most 1024 bytes\n");
    return Admission::Handled;
  }

  void route() {
    using httplib::Request;
    using httplib::Response;
    server_.set_pre_routing_handler(
        [this](const Request& request, Response& response) { return admit(request, response); });
    if (desk_ != nullptr) {
      server_.Post(std::string(host::host_report_path),
                   [this](const Request& request, Response& response) {
                     const auto token = request.get_header_value("Authorization");
                     write(desk_->take(token, request.body), response);
                   });
    }
    server_.Get("/healthz", [](const Request&, Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    server_.Get("/readyz", [this](const Request&, Response& response) {
      const bool ready = mirror_.ready();
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "not ready\n", "text/plain");
    });
    server_.Get("/metrics", [this](const Request&, Response& response) {
      response.set_content(mirror_.metrics() + (desk_ == nullptr ? "" : desk_->metrics()),
                           "text/plain; version=0.0.4");
    });
    server_.Get(".*", [this](const Request& request, Response& response) {
      write(mirror_.answer(request.target), response);
    });
  }

  Mirror& mirror_;
  ReportDesk* const desk_;
  PipeliningServer server_{peer_patience};
  host::HttpListener listener_;
};

Result<std::unique_ptr<MirrorServer>> MirrorServer::start(Mirror& mirror, ReportDesk* desk,
                                                          const std::string& address, int port,
                                                          unsigned threads) {
  auto running = std::make_unique<Running>(mirror, desk, threads);
  if (auto status = running->start(address, port); !status) {
    return tl::unexpected(status.error());
  }
  return std::unique_ptr<MirrorServer>(new MirrorServer(std::move(running)));
}

MirrorServer::MirrorServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
MirrorServer::~MirrorServer() = default;

int MirrorServer::port() const noexcept { return running_->port(); }

}  // namespace extreq::fleet
