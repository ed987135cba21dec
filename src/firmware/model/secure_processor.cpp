#include "firmware/model/secure_processor.hpp"

#include <algorithm>

#include <sys/stat.h>

#include "base/try.hpp"
#include "firmware/model/command_failure.hpp"
#include "firmware/model/guest_messages.hpp"
#include "firmware/model/platform_rules.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using snp::CommandStatus;

constexpr const char* certificate_folder = "/certificates";
constexpr const char* certificate_lock = "/certificates.lock";

Status make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return fail_errno("create the directory {}", path);
}

Result<Authority> new_authority(const Installation& installation, const PlatformState& state) {
  AuthorityKeys keys;
  if (installation.keys) {
    keys = *installation.keys;
  } else {
    EXTREQ_TRY_ASSIGN(keys, AuthorityKeys::generate());
  }
  // As KDS does for leaves: from the start of the day on.
  return Authority::create(std::move(keys), state.product,
                           std::chrono::floor<std::chrono::days>(state.created_at));
}

CommandStatus status_for(const Error& error) {
  return error.code == Code::closed ? CommandStatus::aead_overflow : CommandStatus::invalid_param;
}

}  // namespace

SecureProcessor::SecureProcessor(std::unique_ptr<StateStore> store, const PlatformState& state,
                                 Authority authority, const Options& options, std::string folder,
                                 UniqueFd lock)
    : options_(options),
      cpu_(state.cpu),
      store_(std::move(store)),
      kds_(std::move(authority), state, *options.clock, std::move(folder), std::move(lock)) {}

Result<std::unique_ptr<SecureProcessor>> SecureProcessor::in_memory(
    const Installation& installation, const Options& options) {
  EXTREQ_TRY_ASSIGN(PlatformState state, new_platform(installation, *options.clock));
  EXTREQ_TRY_ASSIGN(Authority authority, new_authority(installation, state));
  const PlatformState chip = state.clone();
  auto store = StateStore::in_memory(std::move(state));
  return std::unique_ptr<SecureProcessor>(  // NOLINT(*-owning-memory): private constructor
      new SecureProcessor(std::move(store), chip, std::move(authority), options, {}, {}));
}

Status SecureProcessor::install(const std::string& directory, const Installation& installation,
                                const Options& options) {
  EXTREQ_TRY_ASSIGN(const PlatformState state, new_platform(installation, *options.clock));
  EXTREQ_TRY(make_directory(directory, 0700));
  EXTREQ_TRY_ASSIGN(auto vacancy, StateStore::claim(directory));
  EXTREQ_TRY(make_directory(directory + certificate_folder, 0755));
  EXTREQ_TRY_ASSIGN(const Authority authority, new_authority(installation, state));
  EXTREQ_TRY(authority.save(directory));
  // Last: with the state the platform exists.
  return vacancy.install(state);
}

Result<std::unique_ptr<SecureProcessor>> SecureProcessor::open(const std::string& directory,
                                                               const Options& options) {
  EXTREQ_TRY_ASSIGN(auto store, StateStore::open(directory));
  EXTREQ_TRY_ASSIGN(Authority authority, Authority::load(directory));
  EXTREQ_TRY_ASSIGN(UniqueFd lock, FileLock::open_file(directory + certificate_lock));
  PlatformState chip;
  {
    EXTREQ_TRY_ASSIGN(const auto turn, store->take_turn());
    chip = turn.state().clone();
  }
  return std::unique_ptr<SecureProcessor>(  // NOLINT(*-owning-memory): private constructor
      new SecureProcessor(std::move(store), chip, std::move(authority), options,
                          directory + certificate_folder, std::move(lock)));
}

Result<std::unique_ptr<SecureProcessor>> SecureProcessor::open_or_install(
    const std::string& directory, const Installation& installation, const Options& options) {
  auto opened = open(directory, options);
  if (opened || opened.error().code != Code::not_found) return opened;
  // Two processes may find that there is none, and both make it: the first one's is taken.
  const auto installed = install(directory, installation, options);
  opened = open(directory, options);
  if (!opened && !installed) return tl::unexpected(installed.error());
  return opened;
}

Result<StateStore::Turn> SecureProcessor::begin() {
  auto turn = store_->take_turn();
  const Clock::Duration latency = options_.command_latency + faults_.take_delay();
  if (turn && latency > Clock::Duration::zero()) options_.clock->sleep_for(latency);
  return turn;
}

template <class T, class Body>
CommandResult<T> SecureProcessor::run(const char* command, Body body) {
  auto turn = begin();
  if (!turn) return not_run(command, turn.error());
  if (const auto planned = faults_.take_platform_failure()) {
    return refuse(*planned, "{}: status {:#x} by fault plan", command,
                  static_cast<unsigned>(*planned));
  }
  return body(*turn);
}

template <class Rule>
CommandResult<void> SecureProcessor::change(const char* command, Rule rule) {
  return run<void>(command, [&](StateStore::Turn& turn) -> CommandResult<void> {
    PlatformState next = turn.state().clone();
    if (auto allowed = rule(next); !allowed) return allowed;
    if (const auto written = turn.replace(std::move(next)); !written) {
      return not_run(command, written.error());
    }
    return {};
  });
}

template <class T, class Body>
CommandResult<T> SecureProcessor::on_guest(const char* command, GuestHandle guest, Body body) {
  return run<T>(command, [&](StateStore::Turn& turn) -> CommandResult<T> {
    const auto found = guests_.find(static_cast<std::uint64_t>(guest));
    if (found == guests_.end()) {
      return refuse(CommandStatus::invalid_guest, "{}: there is no guest {}", command,
                    static_cast<std::uint64_t>(guest));
    }
    return body(found->second, turn.state());
  });
}

CommandResult<snp::PlatformStatus> SecureProcessor::platform_status() {
  return run<snp::PlatformStatus>("SNP_PLATFORM_STATUS", [&](const StateStore::Turn& turn) {
    return CommandResult<snp::PlatformStatus>(
        model::platform_status(turn.state(), static_cast<std::uint32_t>(guests_.size())));
  });
}

CommandResult<ChipId> SecureProcessor::get_id() {
  return run<ChipId>("GET_ID", [](const StateStore::Turn& turn) {
    return CommandResult<ChipId>(turn.state().chip_id);
  });
}

CommandResult<void> SecureProcessor::commit() {
  return change("SNP_COMMIT", [](PlatformState& state) {
    apply_commit(state);
    return CommandResult<void>{};
  });
}

CommandResult<void> SecureProcessor::set_config(const snp::Config& config) {
  return change("SNP_CONFIG", [&](PlatformState& state) { return apply_config(state, config); });
}

CommandResult<void> SecureProcessor::vlek_load(const snp::WrappedVlek& vlek) {
  return change("SNP_VLEK_LOAD", [&](PlatformState& state) { return apply_vlek(state, vlek); });
}

CommandResult<void> SecureProcessor::download_firmware(const FirmwareImage& image) {
  return change("DOWNLOAD_FIRMWARE_EX",
                [&](PlatformState& state) { return apply_firmware(state, image); });
}

CommandResult<GuestHandle> SecureProcessor::create_guest() {
  return run<GuestHandle>(
      "SNP_GCTX_CREATE", [&](const StateStore::Turn&) -> CommandResult<GuestHandle> {
        if (guests_.size() >= options_.max_guests) {
          return refuse(CommandStatus::resource_limit,
                        "SNP_GCTX_CREATE: there are {} guests, the limit", guests_.size());
        }
        guests_.try_emplace(++last_guest_);
        return GuestHandle{last_guest_};
      });
}

CommandResult<void> SecureProcessor::launch_start(GuestHandle guest, const LaunchStart& start) {
  return on_guest<void>("SNP_LAUNCH_START", guest,
                        [&](GuestContext& context, const PlatformState& state) {
                          return model::launch_start(context, state, start);
                        });
}

CommandResult<std::optional<GuestPage>> SecureProcessor::launch_update(GuestHandle guest,
                                                                       const LaunchPage& page) {
  return on_guest<std::optional<GuestPage>>("SNP_LAUNCH_UPDATE", guest,
                                            [&](GuestContext& context, const PlatformState& state) {
                                              return model::launch_update(context, state, page);
                                            });
}

CommandResult<void> SecureProcessor::launch_finish(GuestHandle guest, const LaunchFinish& finish) {
  return on_guest<void>("SNP_LAUNCH_FINISH", guest,
                        [&](GuestContext& context, const PlatformState&) {
                          return model::launch_finish(context, finish);
                        });
}

CommandResult<void> SecureProcessor::decommission(GuestHandle guest) {
  return on_guest<void>("SNP_DECOMMISSION", guest, [&](GuestContext&, const PlatformState&) {
    guests_.erase(static_cast<std::uint64_t>(guest));
    return CommandResult<void>{};
  });
}

Result<CommandStatus> SecureProcessor::guest_request(
    GuestHandle guest, std::span<const std::uint8_t, snp::page_size> request,
    std::span<std::uint8_t, snp::page_size> response) {
  EXTREQ_TRY_ASSIGN(const auto turn, begin());
  if (const auto planned = faults_.take_guest_failure()) return *planned;
  const auto found = guests_.find(static_cast<std::uint64_t>(guest));
  if (found == guests_.end()) return CommandStatus::invalid_guest;
  GuestContext& context = found->second;
  if (!context.responder) return CommandStatus::invalid_guest_state;
  const auto opened = context.responder->open(request);
  if (!opened) return status_for(opened.error());
  auto payload = answer(*opened, turn.state(), context, keys_);
  if (!payload) return payload.error();
  message::Page sealed;
  const auto responded = context.responder->respond(opened->envelope, *payload, sealed);
  wipe(*payload);
  EXTREQ_TRY(responded);
  if (faults_.take_lost_response()) {
    return fail(Code::io, "the response is lost, by fault plan");
  }
  std::ranges::copy(sealed, response.begin());
  return CommandStatus::success;
}

Result<Bytes> SecureProcessor::certificate_table() {
  attestation::Tcb reported_tcb;
  std::optional<std::string> csp_id;
  {
    EXTREQ_TRY_ASSIGN(const auto turn, begin());
    reported_tcb = turn.state().reported_tcb;
    if (turn.state().vlek) csp_id = turn.state().vlek->csp_id;
  }
  return kds_.certificate_table(reported_tcb, csp_id);
}

}  // namespace extreq::firmware::model
