// DeviceTransport: asks through Linux's /dev/sev-guest, whose driver holds the VMPCK, seals, and
// waits for busy hosts by itself (Documentation/virt/coco/sev-guest.rst).
//
// The driver wipes the key after every outcome but success and "buffer too small": then there is no
// attestation until the guest restarts, and each call fails with ENOTTY.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "abi/sev_guest.hpp"
#include "base/unique_fd.hpp"
#include "guest/retry.hpp"
#include "guest/transport.hpp"

namespace extreq::guest {

class DeviceTransport final : public Transport {
 public:
  // ioctl(2) on the device: 0, or the errno. The one seam to the driver; tests put a model of it
  // here.
  using Ioctl =
      std::function<int(int fd, std::uint32_t number, abi::sev_guest::GuestRequestIoctl& argument)>;

  struct Options {
    // Of these, deadline and busy_* are the driver's own business, and it takes 4 pages at most.
    RetryLimits limits;
    std::stop_token stop;  // looked at before each ioctl
  };

  // Failure: not_found if there is no such device (the guest is no SNP guest, or the module
  // sev-guest is not loaded); io.
  [[nodiscard]] static Result<std::unique_ptr<DeviceTransport>> open(
      const std::string& path = std::string(abi::sev_guest::device_path));
  [[nodiscard]] static Result<std::unique_ptr<DeviceTransport>> open(const std::string& path,
                                                                     Options options);

  // The device is closed with the transport.
  DeviceTransport(UniqueFd device, Ioctl ioctl, Options options);

  // Threading: the driver serialises all users of the device; one transport, one thread at a time.
  // A call that a signal interrupted is Code::busy; it is not repeated.
  [[nodiscard]] RequestResult<ReportReply> report(const ReportQuery& query) override;
  [[nodiscard]] RequestResult<Evidence> extended_report(const ReportQuery& query) override;
  // Version 2 of the message is unsupported: the driver's structure has no place for it.
  [[nodiscard]] RequestResult<DerivedKey> derived_key(const KeyQuery& query) override;
  [[nodiscard]] Status drop_key() override;  // unsupported: the driver holds the key
  [[nodiscard]] bool usable() const noexcept override { return usable_; }

 private:
  struct Outcome;

  // One ioctl with these structures of abi/sev_guest.hpp.
  template <class Request, class Response>
  [[nodiscard]] Outcome send(std::uint32_t number, Request& request, Response& response);
  [[nodiscard]] RequestFailure explain(const Outcome& outcome);
  [[nodiscard]] RequestResult<Bytes> plain_report(const abi::snp::ReportRequest& request,
                                                  const ReportQuery& query, Notes& notes);

  UniqueFd device_;
  Ioctl ioctl_;
  Options options_;
  TableOffer offer_;
  bool usable_ = true;
};

}  // namespace extreq::guest
