#include "guest/transport.hpp"

#include <cstring>

#include "abi/ghcb.hpp"
#include "guest/failure.hpp"

namespace extreq::guest {

std::string to_text(const TooSmall& answer) {
  namespace request = abi::ghcb::guest_request;
  // A host may want any number of pages, more bytes than there are numbers for.
  const auto bytes = [](std::uint64_t pages) {
    return pages <= ~std::uint64_t{0} / abi::ghcb::page_size
               ? fmt::format("{} bytes", pages * abi::ghcb::page_size)
               : fmt::format("{:#x} pages", pages);
  };
  std::string text =
      fmt::format("VMM error {:#x} ({}): the table needs {}, {} were offered",
                  request::vmm_error_invalid_len, vmm_error_name(request::vmm_error_invalid_len),
                  bytes(answer.pages_wanted), bytes(answer.pages_offered));
  if (answer.driver_errno != 0) {
    text += fmt::format("; the driver's errno: {} ({})", answer.driver_errno,
                        std::strerror(answer.driver_errno));
  }
  return text;
}

std::string_view to_text(NoCertificates why) noexcept {
  switch (why) {
    case NoCertificates::host_has_none:
      return "the host has none";
    case NoCertificates::not_supported:
      return "the host does not know the extended request";
    case NoCertificates::table_too_large:
      return "the host's table is larger than the limit";
    case NoCertificates::table_keeps_growing:
      return "the host's table grew again and again";
    case NoCertificates::absurd_length:
      return "the host refused the buffer and wants no larger one";
  }
  return "for a reason without a name";
}

std::string to_text(const Notes& notes) {
  using Milliseconds = std::chrono::milliseconds;
  std::string text = fmt::format(
      "{} sends, {} busy ({} ms), {} table growths", notes.sends, notes.busy,
      std::chrono::duration_cast<Milliseconds>(notes.busy_wait).count(), notes.table_growths);
  if (notes.pages_wanted != 0) text += fmt::format(", {} pages wanted", notes.pages_wanted);
  if (notes.no_certificates) {
    text += fmt::format("; no certificates: {}", to_text(*notes.no_certificates));
  }
  return text;
}

}  // namespace extreq::guest
