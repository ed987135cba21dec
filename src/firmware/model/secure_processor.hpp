// SecureProcessor: the software model of AMD's secure processor: both firmware ports, the launch of
// guests, and the KDS that certifies its keys.
//
// doc/firmware-model.md says what it does as the specification does, and what it chose where that
// is silent. It signs under a root of its own that is marked as a model's (authority.hpp).
//
// One command runs at a time: among the threads of this process and, with a state directory, among
// all processes that opened it. A command sees the newest state. Guests belong to the
// SecureProcessor object that created them: a guest's context lives and dies with the process that
// runs its VM. Threading: any thread. A child of fork() opens the directory anew.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"
#include "firmware/guest_requests.hpp"
#include "firmware/model/fault_plan.hpp"
#include "firmware/model/installation.hpp"
#include "firmware/model/kds.hpp"
#include "firmware/model/launch.hpp"
#include "firmware/model/state_store.hpp"
#include "firmware/platform.hpp"

namespace extreq::firmware::model {

struct Options {
  Clock* clock = &system_clock();  // must outlive the processor
  Clock::Duration command_latency{};
  std::size_t max_guests = 1024;  // more answer resource_limit
};

class SecureProcessor final : public Platform, public GuestRequests {
 public:
  // A platform that lives as long as the object.
  // Failure: as new_platform and Authority::create.
  [[nodiscard]] static Result<std::unique_ptr<SecureProcessor>> in_memory(
      const Installation& installation = {}, const Options& options = {});

  // Makes a platform in a directory, which is made (mode 0700) if it is missing. Killed on the way
  // it leaves a directory without a platform, and can be called again.
  // Failure: invalid_input if the directory holds a platform; io; as in_memory.
  [[nodiscard]] static Status install(const std::string& directory,
                                      const Installation& installation = {},
                                      const Options& options = {});

  // Failure: not_found if there is no platform; invalid_input or not_genuine, naming the file, if
  // it is damaged (nothing is changed then); io.
  [[nodiscard]] static Result<std::unique_ptr<SecureProcessor>> open(const std::string& directory,
                                                                     const Options& options = {});

  // Opens the platform in the directory, and makes it first if there is none. Processes that do so
  // at once get the same platform.
  // Failure: as open and install.
  [[nodiscard]] static Result<std::unique_ptr<SecureProcessor>> open_or_install(
      const std::string& directory, const Installation& installation = {},
      const Options& options = {});

  // Platform.
  [[nodiscard]] CommandResult<abi::snp::PlatformStatus> platform_status() override;
  [[nodiscard]] CommandResult<ChipId> get_id() override;
  [[nodiscard]] CommandResult<void> commit() override;
  [[nodiscard]] CommandResult<void> set_config(const abi::snp::Config& config) override;
  [[nodiscard]] CommandResult<void> vlek_load(const abi::snp::WrappedVlek& vlek) override;
  [[nodiscard]] CpuSignature cpu() const override { return cpu_; }

  // DOWNLOAD_FIRMWARE_EX (platform_rules.hpp).
  [[nodiscard]] CommandResult<void> download_firmware(const FirmwareImage& image);

  // SNP_GCTX_CREATE, SNP_LAUNCH_START, _UPDATE, _FINISH and SNP_DECOMMISSION. Status, beside what
  // launch.hpp says: invalid_guest for a handle that is none; resource_limit.
  [[nodiscard]] CommandResult<GuestHandle> create_guest();
  [[nodiscard]] CommandResult<void> launch_start(GuestHandle guest, const LaunchStart& start);
  [[nodiscard]] CommandResult<std::optional<GuestPage>> launch_update(GuestHandle guest,
                                                                      const LaunchPage& page);
  [[nodiscard]] CommandResult<void> launch_finish(GuestHandle guest, const LaunchFinish& finish);
  [[nodiscard]] CommandResult<void> decommission(GuestHandle guest);

  // GuestRequests. Status: invalid_guest; invalid_guest_state before SNP_LAUNCH_FINISH;
  // invalid_param for a header that is not valid and for a tag that does not fit; aead_overflow for
  // a sequence number that is not the next one; and what guest_messages.hpp says.
  [[nodiscard]] Result<abi::snp::CommandStatus> guest_request(
      GuestHandle guest, std::span<const std::uint8_t, abi::snp::page_size> request,
      std::span<std::uint8_t, abi::snp::page_size> response) override;

  // The service that certifies this processor's keys. It runs no firmware command.
  [[nodiscard]] Kds& kds() noexcept { return kds_; }

  // The table that fits the key that signs now, as read in one command: VLEK, ASVK and ARK while a
  // VLEK is loaded, else VCEK, ASK and ARK. It fits no longer than the state stays.
  [[nodiscard]] Result<Bytes> certificate_table();

  [[nodiscard]] FaultPlan& faults() noexcept { return faults_; }

 private:
  SecureProcessor(std::unique_ptr<StateStore> store, const PlatformState& state,
                  Authority authority, const Options& options, std::string certificate_folder,
                  UniqueFd certificate_lock);

  // Takes the turn and spends the command's latency.
  [[nodiscard]] Result<StateStore::Turn> begin();
  // Begins a command and hands its turn to `body`, unless a fault is planned.
  template <class T, class Body>
  [[nodiscard]] CommandResult<T> run(const char* command, Body body);
  // run() for a command that changes the state by `rule`.
  template <class Rule>
  [[nodiscard]] CommandResult<void> change(const char* command, Rule rule);
  // run() for a command on a guest.
  template <class T, class Body>
  [[nodiscard]] CommandResult<T> on_guest(const char* command, GuestHandle guest, Body body);

  const Options options_;
  const CpuSignature cpu_;
  FaultPlan faults_;
  std::unique_ptr<StateStore> store_;
  Kds kds_;
  // Below: only inside a turn.
  KeyCache keys_;
  std::unordered_map<std::uint64_t, GuestContext> guests_;
  std::uint64_t last_guest_ = 0;
};

}  // namespace extreq::firmware::model
