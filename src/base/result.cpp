#include "base/result.hpp"

#include <system_error>

namespace extreq {

const char* name(Code code) noexcept {
  switch (code) {
    case Code::invalid_input:
      return "invalid input";
    case Code::not_found:
      return "not found";
    case Code::busy:
      return "busy";
    case Code::too_small:
      return "too small";
    case Code::unsupported:
      return "unsupported";
    case Code::not_genuine:
      return "not genuine";
    case Code::io:
      return "input/output";
    case Code::closed:
      return "closed";
  }
  return "unknown";
}

tl::unexpected<Error> fail_errno_text(const std::string& what) {
  const int error = errno;
  Code code = Code::io;
  if (error == ENOENT) code = Code::not_found;
  if (error == EAGAIN || error == EINTR) code = Code::busy;
  return tl::unexpected<Error>(Error{code, what + ": " + std::generic_category().message(error) +
                                               " (errno " + std::to_string(error) + ")"});
}

}  // namespace extreq
