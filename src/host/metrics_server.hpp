// MetricsServer: GET /metrics over HTTP/1.1 for Prometheus, with the text that was shown last.
//
// Limits: four connections at a time, more wait in the kernel's backlog; one request for each, and
// no body; header lines and targets of 8192 bytes; 5 s without a byte end a connection. It has
// neither TLS nor passwords: the text holds no secret, but whoever may connect may read it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace extreq::host {

struct HttpEndpoint {
  std::string address = "127.0.0.1";
  int port = 0;  // 0: a free one

  friend bool operator==(const HttpEndpoint&, const HttpEndpoint&) = default;
};

// "ADDRESS:PORT", "[IPV6]:PORT"; "PORT" and ":PORT" are on 127.0.0.1. Failure: invalid_input.
// Threading: a pure function.
[[nodiscard]] Result<HttpEndpoint> parse_http_endpoint(std::string_view text);

class MetricsServer {
 public:
  // Effect: binds and listens; answers with `text` in threads of its own until it is destroyed.
  // Failure: io if the address cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<MetricsServer>> start(const HttpEndpoint& endpoint,
                                                                    std::string text);
  // The requests under way are answered.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  MetricsServer(MetricsServer&&) = delete;
  MetricsServer& operator=(MetricsServer&&) = delete;

  // From now on this is the answer. Threading: any thread.
  void show(std::string text);

  [[nodiscard]] int port() const noexcept;

 private:
  class Running;
  explicit MetricsServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace extreq::host
