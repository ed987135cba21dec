#include "host/http_curl.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>

namespace extreq::host {
namespace {

constexpr std::size_t header_limit = 128;

struct Receiver {
  HttpResponse response;
  std::size_t size_limit = 0;
  bool too_large = false;
};

// libcurl calls these; no exception may pass through it.
std::size_t on_body(const char* data, std::size_t, std::size_t size, void* user) noexcept {
  auto& receiver = *static_cast<Receiver*>(user);
  auto& body = receiver.response.body;
  if (size > receiver.size_limit - body.size()) {
    receiver.too_large = true;
    return 0;
  }
  body.insert(body.end(), data, data + size);
  return size;
}

std::size_t on_header(const char* data, std::size_t, std::size_t size, void* user) noexcept {
  constexpr std::string_view name = "retry-after:";
  std::string_view line(data, size);
  const auto same = [](char a, char b) {
    return a == b || (a >= 'A' && a <= 'Z' && a + ('a' - 'A') == b);
  };
  auto& response = static_cast<Receiver*>(user)->response;
  // Each response of a connection (a proxy's first) begins with a status line.
  if (line.starts_with("HTTP/")) response.retry_after.clear();
  if (line.size() < name.size() || !std::equal(name.begin(), name.end(), line.begin(),
                                               [&](char a, char b) { return same(b, a); })) {
    return size;
  }
  line.remove_prefix(name.size());
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  response.retry_after = line.substr(0, header_limit);
  return size;
}

struct CurlDeleter {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CurlDeleter>;

void set_file(CURL* curl, CURLoption option, const std::string& file) {
  if (!file.empty()) curl_easy_setopt(curl, option, file.c_str());
}

void set_up(CURL* curl, const HttpRequest& request, const CurlOptions& options, Receiver& receiver,
            char* error_text) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(request.max_wait).count();
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);  // other threads are about
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(milliseconds));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "extreq");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_text);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiver);
  if (options.proxy == "none") {
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
  } else {
    set_file(curl, CURLOPT_PROXY, options.proxy);
  }
  set_file(curl, CURLOPT_INTERFACE, options.source_address);
  set_file(curl, CURLOPT_CAINFO, options.ca_file);
  set_file(curl, CURLOPT_SSLCERT, options.client_cert);
  set_file(curl, CURLOPT_SSLKEY, options.client_key);
}

struct HeaderListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, HeaderListDeleter>;

// `method` sets what is not a plain GET.
Result<HttpResponse> perform(const HttpRequest& request, const CurlOptions& options,
                             const std::function<void(CURL*)>& method) {
  if (request.max_wait <= Clock::Duration::zero()) {
    return fail(Code::busy, "{}: no time is left", request.url);
  }
  const CurlHandle curl(curl_easy_init());
  if (!curl) return fail(Code::io, "libcurl cannot start");
  Receiver receiver;
  receiver.size_limit = request.size_limit;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  set_up(curl.get(), request, options, receiver, error_text.data());
  method(curl.get());
  const CURLcode code = curl_easy_perform(curl.get());
  if (receiver.too_large) {
    return fail(Code::too_small, "{}: the answer has more than {} bytes", request.url,
                request.size_limit);
  }
  if (code != CURLE_OK) {
    const char* const cause = error_text[0] != '\0' ? error_text.data() : curl_easy_strerror(code);
    return fail(code == CURLE_OPERATION_TIMEDOUT ? Code::busy : Code::io, "{}: {}", request.url,
                cause);
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  receiver.response.status = static_cast<int>(status);
  return std::move(receiver.response);
}

}  // namespace

CurlHttpClient::CurlHttpClient(CurlOptions options) : options_(std::move(options)) {
  static std::once_flag initialised;
  std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

Result<HttpResponse> CurlHttpClient::get(const HttpRequest& request) {
  return perform(request, options_, [](CURL*) {});
}

Result<HttpResponse> CurlHttpClient::post(const HttpRequest& request, const std::string& body,
                                          const std::string& token) {
  HeaderList headers;
  // An empty Expect: the body goes at once.
  for (const std::string& line :
       {"Authorization: Bearer " + token, std::string("Content-Type: text/plain"),
        std::string("Expect:")}) {
    curl_slist* const longer = curl_slist_append(headers.get(), line.c_str());
    if (longer == nullptr) return fail(Code::io, "libcurl: out of memory");
    (void)headers.release();
    headers.reset(longer);
  }
  return perform(request, options_, [&](CURL* curl) {
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.c_str());
  });
}

}  // namespace extreq::host
