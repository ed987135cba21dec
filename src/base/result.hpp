// Result: how every fallible call of the project answers.
//
// Effect: a call returns either its value or an Error: one of few codes, each with an action for
// the caller, and a message that names the thing, the value found and the value wanted.
// Threading: values, no shared state.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include <fmt/core.h>
#include <tl/expected.hpp>

namespace extreq {

enum class Code : std::uint8_t {
  invalid_input,  // the bytes or arguments given are wrong: mend them, do not retry
  not_found,      // the named thing does not exist: provide it
  busy,           // somebody else is at it: try again later, within a deadline
  too_small,      // the space given does not suffice: the message says what is needed
  unsupported,    // this build, machine or peer cannot do it: choose another way
  not_genuine,    // a cryptographic check failed: do not use the data
  io,             // the operating system refused: the message carries its reason
  closed,         // the object was ended (key retired, peer gone, file moved): open a new one
};

// "invalid input", "not found", ...: for messages and logs.
[[nodiscard]] const char* name(Code code) noexcept;

struct Error {
  Code code;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// fail(Code::too_small, "table needs {} pages, the guest gave {}", need, got)
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(Code code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// fail_errno("open {}", path): Code::io (not_found for ENOENT, busy for EAGAIN and EINTR) with the
// text of the current errno behind the message. Call it before anything else may change errno.
[[nodiscard]] tl::unexpected<Error> fail_errno_text(const std::string& what);
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  const int saved = errno;
  std::string what = fmt::format(format, std::forward<Args>(args)...);
  errno = saved;
  return fail_errno_text(what);
}

}  // namespace extreq
