// GhcbExchange: one message out and one answer back through a guest's shared pages.
//
// It knows pages and fields, and nothing of keys, retries or what the messages say. Shared memory
// is written from private bytes and read back once, into a copy. Lifetime: the port must outlive
// it. Threading: one thread at a time; the pages belong to it alone while a call runs.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "guest/ghcb_port.hpp"
#include "guest/ghcb_return.hpp"
#include "message/envelope.hpp"

namespace extreq::guest {

// Guest-physical addresses, page aligned, shared with the host. The certificate pages follow each
// other; there may be none.
struct SharedPages {
  std::uint64_t ghcb = 0;  // registered with the host
  std::uint64_t request = 0;
  std::uint64_t response = 0;
  std::uint64_t certificates = 0;
  std::uint64_t certificate_pages = 0;
};

// Failure: invalid_input if an address is not page aligned, the pages overlap, or a range wraps.
[[nodiscard]] Status check(const SharedPages& pages);

class GhcbExchange {
 public:
  // `pages` has passed check().
  GhcbExchange(GhcbPort& port, const SharedPages& pages) noexcept : port_(&port), pages_(pages) {}

  // Effect: writes the message, clears the response page and the first table entry, and fills the
  // GHCB for a plain request, or for an extended one that offers `table_pages` pages. All of it
  // each time: the host may have scribbled on the pages since the last one. Failure: that of the
  // port; the host has not been told of anything then.
  [[nodiscard]] Status place(message::PageView message, std::optional<std::uint64_t> table_pages);

  // Effect: exits and reads the host's answer. Failure: that of the port; the host may have seen
  // the message then.
  [[nodiscard]] Result<GhcbReturn> exit(ExitKind kind);

  // Private copies of what the host left.
  [[nodiscard]] Result<message::Page> fetch_response();
  [[nodiscard]] Result<Bytes> fetch_table(std::uint64_t table_pages);

 private:
  [[nodiscard]] Result<std::uint64_t> read_field(std::size_t offset);

  GhcbPort* port_;  // never null; a pointer so that an exchange can be assigned
  SharedPages pages_;
};

}  // namespace extreq::guest
