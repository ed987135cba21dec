// DevSev: the platform commands through Linux's /dev/sev (abi/sev.hpp names the owner).
//
// It needs CAP_SYS_ADMIN for all but the platform's status and the id.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "abi/sev.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware {

// ioctl(2) on the device: 0, or -1 with errno. Tests put a kernel of their own in its place.
using Ioctl = std::function<int(int fd, unsigned long request, void* argument)>;

// This machine's processor, by CPUID; all zero where there is no such instruction.
[[nodiscard]] CpuSignature this_cpu() noexcept;

class DevSev final : public Platform {
 public:
  // Failure: not_found: no such device (no SEV, or its driver is not loaded); io: no permission.
  [[nodiscard]] static Result<std::unique_ptr<DevSev>> open(
      const std::string& path = std::string(abi::sev::device_path));

  // `device` is what `ioctl` is called with.
  DevSev(UniqueFd device, const CpuSignature& cpu, Ioctl ioctl) noexcept
      : device_(std::move(device)), cpu_(cpu), ioctl_(std::move(ioctl)) {}

  // Failure of each: with the firmware's status if it was asked; else with the kernel's errno.
  [[nodiscard]] CommandResult<abi::snp::PlatformStatus> platform_status() override;
  // The first socket's: guests' reports carry it.
  [[nodiscard]] CommandResult<ChipId> get_id() override;
  [[nodiscard]] CommandResult<void> commit() override;
  [[nodiscard]] CommandResult<void> set_config(const abi::snp::Config& config) override;
  [[nodiscard]] CommandResult<void> vlek_load(const abi::snp::WrappedVlek& vlek) override;
  [[nodiscard]] CpuSignature cpu() const noexcept override { return cpu_; }

 private:
  // `data`: the command's structure, or nullptr.
  [[nodiscard]] CommandResult<void> issue(const char* name, std::uint32_t command, void* data);

  UniqueFd device_;
  CpuSignature cpu_;
  Ioctl ioctl_;
};

}  // namespace extreq::firmware
