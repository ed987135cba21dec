// Faults on demand: what a guest meets when host, VMM or firmware misbehave.
//
// A FaultScript holds the faults that are arranged; FaultyRequests and FaultySource stand before a
// real firmware and a real certificate source and carry them out, each fault so often as it says.
// Threading: the script is changed and used by any thread.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "firmware/guest_requests.hpp"
#include "lease/certificate_source.hpp"

namespace extreq::machine {

enum class FaultKind : std::uint8_t {
  busy,             // the certificate source is busy: the guest is told to try again
  large_table,      // the certificates need `value` pages
  no_certificates,  // an empty table
  status,           // the firmware answers `value` and does nothing
  flip_tag,         // one bit of the response's tag is flipped
  replay,           // the guest gets its last response again
  slow,             // the firmware takes `value` milliseconds longer
};

struct Fault {
  FaultKind kind{};
  std::uint64_t value = 0;
  unsigned count = 1;  // so many requests meet it
};

// "busy*3", "status=0x16", "large-table=5", "flip-tag", "slow=500*2", ...: NAME[=VALUE][*COUNT].
// Failure: invalid_input names what is wrong, and lists the names.
[[nodiscard]] Result<Fault> parse_fault(std::string_view text);

class FaultScript {
 public:
  void add(const Fault& fault);
  // The next arranged fault of this kind, used up by one; nothing if there is none.
  [[nodiscard]] std::optional<Fault> take(FaultKind kind);

 private:
  std::mutex mutex_;
  std::vector<Fault> faults_;
};

// Lifetime: requests and script must outlive it.
class FaultyRequests final : public firmware::GuestRequests {
 public:
  FaultyRequests(firmware::GuestRequests& requests, FaultScript& script) noexcept
      : requests_(requests), script_(script) {}

  [[nodiscard]] Result<abi::snp::Status> guest_request(
      firmware::GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override;

 private:
  firmware::GuestRequests& requests_;
  FaultScript& script_;
  std::mutex mutex_;
  Bytes last_response_;
};

// Lifetime: source and script must outlive it and its holders.
class FaultySource final : public lease::CertificateSource {
 public:
  FaultySource(lease::CertificateSource& source, FaultScript& script) noexcept
      : source_(source), script_(script) {}

  [[nodiscard]] Result<std::unique_ptr<lease::Holder>> open_holder() override;

 private:
  lease::CertificateSource& source_;
  FaultScript& script_;
};

}  // namespace extreq::machine
