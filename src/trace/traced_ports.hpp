// TracedRequests and TracedSource stand before a firmware and a certificate source, and put what is
// asked of them into a trace.
//
// Lifetime: what they stand before and the trace must outlive them, and the source its holders.
// Threading: as what they stand before.
#pragma once

#include "firmware/guest_requests.hpp"
#include "lease/certificate_source.hpp"
#include "trace/trace.hpp"

namespace extreq::trace {

class TracedRequests final : public firmware::GuestRequests {
 public:
  TracedRequests(firmware::GuestRequests& requests, Trace& trace) noexcept
      : requests_(requests), trace_(trace) {}

  [[nodiscard]] Result<abi::snp::CommandStatus> guest_request(
      firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override;

 private:
  firmware::GuestRequests& requests_;
  Trace& trace_;
};

class TracedSource final : public lease::CertificateSource {
 public:
  TracedSource(lease::CertificateSource& source, Trace& trace) noexcept
      : source_(source), trace_(trace) {}

  [[nodiscard]] Result<std::unique_ptr<lease::Holder>> open_holder() override;

 private:
  lease::CertificateSource& source_;
  Trace& trace_;
};

}  // namespace extreq::trace
