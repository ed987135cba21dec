// FaultyRequests and FaultySource stand before a real firmware and a real certificate source, and
// carry out the faults that a FaultScript holds.
#pragma once

#include <functional>
#include <mutex>

#include "firmware/guest_requests.hpp"
#include "lease/certificate_source.hpp"
#include "machine/fault_script.hpp"

namespace extreq::machine {

// Lifetime: requests and script must outlive it.
class FaultyRequests final : public firmware::GuestRequests {
 public:
  FaultyRequests(firmware::GuestRequests& requests, FaultScript& script) noexcept
      : requests_(requests), script_(script) {}

  [[nodiscard]] Result<abi::snp::CommandStatus> guest_request(
      firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override;

 private:
  [[nodiscard]] Result<abi::snp::CommandStatus> answer_request(
      firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response);

  firmware::GuestRequests& requests_;
  FaultScript& script_;
  std::mutex mutex_;
  Bytes last_response_;
};

// Lifetime: source and script must outlive it and its holders.
class FaultySource final : public lease::CertificateSource {
 public:
  // Changes the reported TCB and the certificates of the source, while no lease is held.
  using ChangeTcb = std::function<Status()>;

  FaultySource(lease::CertificateSource& source, FaultScript& script, ChangeTcb change_tcb)
      : source_(source), script_(script), change_tcb_(std::move(change_tcb)) {}

  [[nodiscard]] Result<std::unique_ptr<lease::Holder>> open_holder() override;

 private:
  class FaultyHolder;

  lease::CertificateSource& source_;
  FaultScript& script_;
  ChangeTcb change_tcb_;
};

}  // namespace extreq::machine
