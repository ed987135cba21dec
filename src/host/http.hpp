// HttpClient: one GET, for what the key service needs.
//
// Who implements it: CurlHttpClient; and the model's key service without a network in between.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace extreq::host {

struct HttpRequest {
  std::string url;
  std::size_t size_limit = 1U << 20U;                   // of the body
  Clock::Duration max_wait = std::chrono::seconds(30);  // from the first byte sent to the last read
};

struct HttpResponse {
  int status = 0;
  std::string retry_after;  // the header's value as it came, at most 128 characters; empty: none
  Bytes body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any status is an answer. Redirections are not followed.
  // Failure: busy: no complete answer within max_wait; io: no connection, no trust in the peer's
  // TLS certificate, an answer that breaks off: with the cause in words; too_small: a body of more
  // than size_limit. Threading: any thread.
  [[nodiscard]] virtual Result<HttpResponse> get(const HttpRequest& request) = 0;
};

}  // namespace extreq::host
