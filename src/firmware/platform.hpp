// Platform: the firmware's port for what the host asks: the commands behind /dev/sev.
//
// Who implements it: the software model, and /dev/sev of Linux.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "abi/snp_firmware.hpp"

namespace extreq::firmware {

struct CommandFailure {
  // The firmware's answer; nullopt if the command did not reach it (device, permission, state).
  std::optional<abi::snp::CommandStatus> status;
  // Names the command, what was found and what was wanted, as far as it is known.
  std::string message;
};

template <class T>
using CommandResult = tl::expected<T, CommandFailure>;

using ChipId = std::array<std::uint8_t, 64>;  // Turin: 8 significant bytes, the rest zero

// CPUID function 1, family and model combined with their extended parts: decides the product.
struct CpuSignature {
  std::uint8_t family = 0;
  std::uint8_t model = 0;
  std::uint8_t stepping = 0;
  friend bool operator==(const CpuSignature&, const CpuSignature&) = default;
};

class Platform {
 public:
  virtual ~Platform() = default;

  // Each call is one firmware command; it waits for its turn. Failure as in CommandFailure.
  // Threading: any thread, any number of processes.
  [[nodiscard]] virtual CommandResult<abi::snp::PlatformStatus> platform_status() = 0;
  [[nodiscard]] virtual CommandResult<ChipId> get_id() = 0;
  // SNP_COMMIT sets the committed and the reported TCB to the current one; if the reported TCB
  // changes, a loaded VLEK is deleted. It may change the signing key.
  [[nodiscard]] virtual CommandResult<void> commit() = 0;
  // SNP_CONFIG sets the reported TCB and the masks. It may change the signing key.
  [[nodiscard]] virtual CommandResult<void> set_config(const abi::snp::Config& config) = 0;
  // SNP_VLEK_LOAD. It changes the signing key.
  [[nodiscard]] virtual CommandResult<void> vlek_load(const abi::snp::WrappedVlek& vlek) = 0;

  // No firmware command: the processor's own identity.
  [[nodiscard]] virtual CpuSignature cpu() const = 0;

  // The CSP_ID of the provider whose VLEK is loaded, or will be. No command reports it
  // (SNP_PLATFORM_STATUS has VLEK_EN alone): the operator names it. Empty: not known.
  // Threading: no other thread may use the platform meanwhile.
  void set_vlek_provider(std::string csp_id) { vlek_provider_ = std::move(csp_id); }
  [[nodiscard]] const std::string& vlek_provider() const noexcept { return vlek_provider_; }

 private:
  std::string vlek_provider_;
};

}  // namespace extreq::firmware
