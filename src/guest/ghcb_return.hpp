// GhcbReturn: what the host's return from a guest request means (GHCB specification, "SNP Guest
// Request", "SNP Extended Guest Request" and the field SW_EXITINFO1).
//
// Threading: values and pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace extreq::guest {

enum class ExitKind : std::uint8_t { plain, extended };

struct GhcbReturn {
  enum class Kind : std::uint8_t {
    answered,         // there should be a response message
    busy,             // not passed on: send it again later
    too_few_pages,    // extended only, not passed on: the host wants pages_wanted
    no_certificates,  // extended only, not passed on: no table was ever set on this host
    unknown_event,    // extended only, not passed on: the host does not know this event
    not_taken,        // the host calls the exit itself wrong: not passed on
    failed,           // everything else: nobody knows whether the firmware saw the message
  };
  Kind kind = Kind::failed;
  std::uint32_t vmm_error = 0;
  std::uint32_t firmware_status = 0;
  std::uint64_t pages_wanted = 0;
  std::string why;  // of not_taken and failed, when the two numbers do not say it
};

// The three values are private copies. `rbx` counts for an extended request only. There is an
// answer for each of their values: the host is not trusted to have written any of them.
[[nodiscard]] GhcbReturn read_answer(ExitKind exit, std::uint64_t sw_exitinfo1,
                                     std::uint64_t sw_exitinfo2, std::uint64_t rbx);

}  // namespace extreq::guest
