#include "fleet/mirror_server.hpp"

#include "base/try.hpp"
#include "host/host_report.hpp"

namespace extreq::fleet {
namespace {

constexpr unsigned ready_status = 200;
constexpr unsigned status_no_content = 204;
constexpr unsigned status_unauthorized = 401;
constexpr unsigned status_method_not_allowed = 405;
constexpr unsigned unready_status = 503;

http::Response plain(unsigned status, std::string body, const char* type = "text/plain") {
  return {status, type, std::move(body), {}, false};
}

http::Response to_http(MirrorAnswer answer) {
  http::Response response;
  response.status = static_cast<unsigned>(answer.status);
  response.headers.emplace_back("Cache-Control", answer.cache_control);
  if (answer.retry_after_s > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(answer.retry_after_s));
  }
  if (answer.stale) response.headers.emplace_back("Warning", "110 extreq \"Response is Stale\"");
  if (response.status == status_unauthorized) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
  }
  if (response.status == status_no_content) return response;
  response.content_type = answer.content_type;
  response.body = std::move(answer.body);
  return response;
}

}  // namespace

std::optional<http::Response> MirrorServer::at_once(const http::Request& request) {
  if (request.method == "POST" && request.path() != host::host_report_path) {
    http::Response response = plain(status_method_not_allowed, "expected GET\n");
    response.headers = {{"Allow", "GET, HEAD"}, {"Cache-Control", "no-store"}};
    return response;
  }
  if (request.path() == "/healthz") return plain(ready_status, "ok\n");
  return std::nullopt;
}

http::Response MirrorServer::answer(const http::Request& request) {
  if (request.method == "POST") return to_http(desk_->take(request.authorization, request.body));
  if (request.path() == "/readyz") {
    return mirror_.ready() ? plain(ready_status, "ready\n") : plain(unready_status, "not ready\n");
  }
  if (request.path() == "/metrics") {
    return plain(ready_status, mirror_.metrics() + (desk_ == nullptr ? "" : desk_->metrics()),
                 "text/plain; version=0.0.4");
  }
  return to_http(mirror_.answer(request.target));
}

Result<std::unique_ptr<MirrorServer>> MirrorServer::start(Mirror& mirror, ReportDesk* desk,
                                                          const std::string& address, int port,
                                                          unsigned threads) {
  std::unique_ptr<MirrorServer> mirror_server(new MirrorServer(mirror, desk));
  http::Server::Options options;
  options.address = address;
  options.port = port;
  options.threads = threads;
  options.body_max = desk == nullptr ? 0 : host::host_report_max;
  EXTREQ_TRY_ASSIGN(mirror_server->server_, http::Server::start(*mirror_server, options));
  return mirror_server;
}

}  // namespace extreq::fleet
