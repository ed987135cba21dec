// What the headers of a request say about its body, and the rules for that.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "http/message.hpp"

struct MHD_Connection;

namespace extreq::http {

struct Announced {
  unsigned lengths = 0;  // headers Content-Length
  std::string length;    // the last one's value
  bool transfer_encoding = false;
  std::string authorization;

  [[nodiscard]] bool has_body() const noexcept {
    return transfer_encoding || lengths > 1 || (lengths == 1 && length != "0");
  }
};

// Threading: the connection's own thread, within a callback of libmicrohttpd.
[[nodiscard]] Announced read_announced(MHD_Connection* connection);

// Why a request is not taken, as its answer; nothing if it is: 405 for another method than GET,
// HEAD and (if `body_max` is not 0) POST; 413 for a body without the one honest length of at most
// `body_max`, and for any body of GET and HEAD. Two lengths, or a length beside an encoding, could
// be read otherwise by a front (RFC 9112 section 6.3, request smuggling). Threading: a pure
// function.
[[nodiscard]] std::optional<Response> refuse(const Request& request, const Announced& announced,
                                             std::size_t body_max);

}  // namespace extreq::http
