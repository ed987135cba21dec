// What a handler of http::Server gets and gives.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace extreq::http {

struct Request {
  std::string method;         // "GET" or "HEAD"; "POST" where the server allows bodies
  std::string target;         // path and query, as they were sent
  std::string authorization;  // the header's value; empty: absent
  std::string body;

  [[nodiscard]] std::string_view path() const noexcept {
    return std::string_view(target).substr(0, target.find('?'));
  }
};

struct Response {
  unsigned status = 200;
  std::string content_type;  // empty: no such header
  std::string body;
  std::vector<std::pair<const char*, std::string>> headers;
  bool truncated = false;  // the connection ends after half of the body
};

}  // namespace extreq::http
