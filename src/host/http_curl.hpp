// CurlHttpClient: HttpClient over libcurl.
#pragma once

#include <string>

#include "host/http.hpp"

namespace extreq::host {

struct CurlOptions {
  // "http://proxy:3128", as libcurl takes it. Empty: what the environment says (https_proxy,
  // no_proxy); "none": none.
  std::string proxy = {};
  std::string ca_file = {};      // PEM: who may speak for the service; empty: the system's
  std::string client_cert = {};  // PEM: who we are, for a provider's VLEK requests
  std::string client_key = {};   // PEM
  // An address or a network interface of this machine to come from; empty: the system chooses.
  std::string source_address = {};
};

// Each get() is a connection of its own: a host asks a few times a year.
// Threading: any thread.
class CurlHttpClient final : public HttpClient {
 public:
  explicit CurlHttpClient(CurlOptions options = {});
  [[nodiscard]] Result<HttpResponse> get(const HttpRequest& request) override;

  // A POST of text/plain with a bearer token (RFC 6750). Answer and failure as get(); no message
  // repeats the token.
  [[nodiscard]] Result<HttpResponse> post(const HttpRequest& request, const std::string& body,
                                          const std::string& token);

 private:
  CurlOptions options_;
};

}  // namespace extreq::host
