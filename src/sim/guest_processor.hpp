// GuestProcessor: one virtual processor of a simulated guest, from the inside.
//
// It starts as a kernel does: agrees on the GHCB protocol, makes its GHCB shared and registers it
// through the MSR protocol, and then shares its other pages with one page state change event. From
// then on it is a port for guest::GhcbChannel.
// Lifetime: cpu and ram must outlive it. Threading: the thread of its processor.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "guest/ghcb_exchange.hpp"
#include "guest/ghcb_port.hpp"
#include "sim/guest_ram.hpp"
#include "sim/guest_thread.hpp"

namespace extreq::sim {

class GuestProcessor final : public guest::GhcbPort {
 public:
  GuestProcessor(GuestCpu& cpu, GuestRam& ram, const guest::SharedPages& pages) noexcept
      : cpu_(cpu), ram_(ram), pages_(pages) {}

  // Failure: unsupported if the host does not speak version 2 of the GHCB protocol or lacks SNP;
  // closed if it refuses the GHCB or a page.
  [[nodiscard]] Status start();

  [[nodiscard]] const guest::SharedPages& pages() const noexcept { return pages_; }

  [[nodiscard]] Status read(std::uint64_t gpa, MutableByteView to) override;
  [[nodiscard]] Status write(std::uint64_t gpa, ByteView from) override;
  [[nodiscard]] Status vmgexit(std::uint64_t ghcb_msr) override;

 private:
  [[nodiscard]] Status agree_on_protocol();
  [[nodiscard]] Status share_ghcb();
  [[nodiscard]] Status share_other_pages();

  GuestCpu& cpu_;
  GuestRam& ram_;
  guest::SharedPages pages_;
};

}  // namespace extreq::sim
