#include "http/announced.hpp"

#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <microhttpd.h>
#include <strings.h>

namespace extreq::http {
namespace {

constexpr unsigned status_method_not_allowed = 405;
constexpr unsigned status_content_too_large = 413;

MHD_Result note(void* to, MHD_ValueKind /*kind*/, const char* name, const char* value) {
  auto& announced = *static_cast<Announced*>(to);
  if (::strcasecmp(name, "Content-Length") == 0) {
    ++announced.lengths;
    announced.length = value == nullptr ? "" : value;
  } else if (::strcasecmp(name, "Transfer-Encoding") == 0) {
    announced.transfer_encoding = true;
  } else if (::strcasecmp(name, "Authorization") == 0) {
    announced.authorization = value == nullptr ? "" : value;
  }
  return MHD_YES;
}

bool is_honest(const Announced& announced, std::size_t body_max) {
  if (announced.transfer_encoding || announced.lengths != 1) return false;
  const std::string& text = announced.length;
  std::size_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc{} && end == text.data() + text.size() && value <= body_max;
}

Response refusal(unsigned status, std::string why) {
  return {status, "text/plain", std::move(why), {{"Cache-Control", "no-store"}}, false};
}

}  // namespace

Announced read_announced(MHD_Connection* connection) {
  Announced announced;
  ::MHD_get_connection_values(connection, MHD_HEADER_KIND, &note, &announced);
  return announced;
}

std::optional<Response> refuse(const Request& request, const Announced& announced,
                               std::size_t body_max) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  const bool post = request.method == "POST" && body_max != 0;
  if (!get && !post) {
    Response response = refusal(status_method_not_allowed, "expected GET\n");
    response.headers.emplace_back("Allow", post ? "GET, HEAD, POST" : "GET, HEAD");
    return response;
  }
  if (get && announced.has_body()) {
    return refusal(status_content_too_large, "found a body, expected none\n");
  }
  if (post && !is_honest(announced, body_max)) {
    return refusal(status_content_too_large,
                   fmt::format("expected one Content-Length of at most {} bytes\n", body_max));
  }
  return std::nullopt;
}

}  // namespace extreq::http
