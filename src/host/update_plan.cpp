#include "host/update_plan.hpp"

#include <cerrno>
#include <system_error>

#include <spawn.h>
#include <sys/wait.h>

#include "base/try.hpp"

namespace extreq::host {
namespace {

namespace snp = abi::snp;

Status status_of(const firmware::CommandResult<void>& done) {
  if (done) return {};
  return fail(Code::io, "{}", done.error().message);
}

// What SNP_COMMIT and SNP_CONFIG make of the signing key.
SigningState with_reported_tcb(SigningState state, std::uint64_t tcb) {
  if (state.reported_tcb != tcb) state.vlek_loaded = false;
  state.reported_tcb = tcb;
  return state;
}

class SpawnActions {
 public:
  SpawnActions() { error_ = ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  // The child has the descriptor under its number, open across exec.
  [[nodiscard]] int keep(int fd) {
    if (error_ == 0) error_ = ::posix_spawn_file_actions_adddup2(&actions_, fd, fd);
    return error_;
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
  int error_ = 0;
};

Status run_program(std::vector<std::string> arguments, int lock_descriptor) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  SpawnActions actions;
  int error = actions.keep(lock_descriptor);
  pid_t child = -1;
  if (error == 0) {
    error = ::posix_spawnp(&child, pointers[0], actions.get(), nullptr, pointers.data(), environ);
  }
  if (error != 0) {
    return fail(error == ENOENT ? Code::not_found : Code::io, "{}: {}", arguments[0],
                std::generic_category().message(error));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno("{}: waiting for its end", arguments[0]);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  if (WIFEXITED(status)) {
    return fail(Code::io, "{}: exit status {}", arguments[0], WEXITSTATUS(status));
  }
  return fail(Code::io, "{}: killed by signal {}", arguments[0], WTERMSIG(status));
}

}  // namespace

Result<PlannedUpdate> plan_commit(firmware::Platform& platform) {
  const auto status = platform.platform_status();
  if (!status) return fail(Code::io, "{}", status.error().message);
  const std::uint64_t current = status->current_tcb;
  return PlannedUpdate{
      [current](const SigningState& before) { return with_reported_tcb(before, current); },
      [&platform](int) { return status_of(platform.commit()); }};
}

Result<PlannedUpdate> plan_config(firmware::Platform& platform, const ConfigChange& change) {
  EXTREQ_TRY_ASSIGN(const SigningState now, read_signing_state(platform));
  snp::Config config;
  config.reported_tcb = now.reported_tcb;
  if (change.reported_tcb) {
    if (attestation::layout_of(*change.reported_tcb) != attestation::layout_of(now.product)) {
      return fail(Code::invalid_input, "TCB {} is not in {}'s layout",
                  attestation::to_text(*change.reported_tcb), attestation::kds_name(now.product));
    }
    config.reported_tcb = attestation::encode_tcb(*change.reported_tcb);
  }
  std::uint32_t flags = 0;
  if (change.mask_chip_id) flags |= snp::config_flags::mask_chip_id;
  if (change.mask_chip_key) flags |= snp::config_flags::mask_chip_key;
  config.flags = flags;
  return PlannedUpdate{[config, masked = change.mask_chip_key](const SigningState& before) {
                         auto state = with_reported_tcb(before, config.reported_tcb);
                         state.mask_chip_key = masked;
                         return state;
                       },
                       [&platform, config](int) { return status_of(platform.set_config(config)); }};
}

Result<PlannedUpdate> plan_vlek_load(firmware::Platform& platform, const snp::WrappedVlek& vlek) {
  EXTREQ_TRY_ASSIGN(const SigningState now, read_signing_state(platform));
  if (vlek.tcb_version != now.reported_tcb) {
    const auto layout = attestation::layout_of(now.product);
    return fail(Code::invalid_input, "the VLEK hashstick is for {}, the reported TCB is {}",
                attestation::to_text(attestation::decode_tcb(vlek.tcb_version, layout)),
                attestation::to_text(attestation::decode_tcb(now.reported_tcb, layout)));
  }
  return PlannedUpdate{[](SigningState state) {
                         state.vlek_loaded = true;
                         return state;
                       },
                       [&platform, vlek](int) { return status_of(platform.vlek_load(vlek)); }};
}

PlannedUpdate plan_program(std::vector<std::string> arguments,
                           const std::optional<attestation::Tcb>& to_tcb) {
  return {[to_tcb](const SigningState& before) {
            return to_tcb ? with_reported_tcb(before, attestation::encode_tcb(*to_tcb)) : before;
          },
          [arguments = std::move(arguments)](int lock_descriptor) {
            return run_program(arguments, lock_descriptor);
          }};
}

}  // namespace extreq::host
