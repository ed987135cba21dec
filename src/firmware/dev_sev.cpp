#include "firmware/dev_sev.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "abi/snp_status_name.hpp"

namespace extreq::firmware {
namespace {

namespace sev = abi::sev;
namespace snp = abi::snp;

// The ids of both sockets' processors, one behind the other (document 55766, "GET_ID").
constexpr std::size_t ids_size = 2 * std::tuple_size_v<ChipId>;

std::uint64_t address_of(void* data) noexcept { return std::bit_cast<std::uintptr_t>(data); }

std::string remedy(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return " (root, or CAP_SYS_ADMIN, is needed)";
    case ENOTTY:
    case EINVAL:
      return " (SNP commands need Linux 6.11 or later, and SNP enabled)";
    case ENODEV:
    case EBADF:
      return " (is SNP enabled in the firmware's set-up, and did the kernel initialise it?)";
    default:
      return {};
  }
}

}  // namespace

CpuSignature this_cpu() noexcept {
#if defined(__x86_64__)
  constexpr unsigned base_family_max = 0xF;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return {};
  unsigned family = (eax >> 8U) & 0xFU;
  unsigned model = (eax >> 4U) & 0xFU;
  if (family == base_family_max) {
    family += (eax >> 20U) & 0xFFU;
    model |= ((eax >> 16U) & 0xFU) << 4U;
  }
  return {static_cast<std::uint8_t>(family), static_cast<std::uint8_t>(model),
          static_cast<std::uint8_t>(eax & 0xFU)};
#else
  return {};
#endif
}

Result<std::unique_ptr<DevSev>> DevSev::open(const std::string& path) {
  UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!device) return fail_errno("{}", path);
  return std::make_unique<DevSev>(
      std::move(device), this_cpu(),
      [](int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); });
}

CommandResult<void> DevSev::issue(const char* name, std::uint32_t command, void* data) {
  sev::IssueCmd request;
  request.cmd = command;
  request.data = data == nullptr ? 0 : address_of(data);
  request.error = sev::no_fw_call;
  if (ioctl_(device_.get(), sev::ioctl_issue_cmd, &request) == 0) return {};
  const int error = errno;
  const std::string cause = std::generic_category().message(error);
  // 0 with an errno: the firmware was content and the kernel failed after it, or before it with an
  // older kernel that leaves the field alone. Neither is a status of the command.
  const std::uint32_t status = request.error;
  if (status == sev::no_fw_call || status == 0) {
    return tl::unexpected(CommandFailure{
        std::nullopt, fmt::format("{}: the kernel refused it: {}{}", name, cause, remedy(error))});
  }
  return tl::unexpected(
      CommandFailure{static_cast<snp::CommandStatus>(status),
                     fmt::format("{}: firmware status {:#04x}, {} ({})", name, status,
                                 snp::name(static_cast<snp::CommandStatus>(status)), cause)});
}

CommandResult<snp::PlatformStatus> DevSev::platform_status() {
  snp::PlatformStatus status;
  auto done = issue("SNP_PLATFORM_STATUS", sev::cmd_snp_platform_status, &status);
  if (!done) return tl::unexpected(std::move(done).error());
  return status;
}

CommandResult<ChipId> DevSev::get_id() {
  std::array<std::uint8_t, ids_size> ids{};
  sev::GetId2 request;
  request.address = address_of(ids.data());
  request.length = static_cast<std::uint32_t>(ids.size());
  auto done = issue("GET_ID2", sev::cmd_get_id2, &request);
  if (!done) return tl::unexpected(std::move(done).error());
  ChipId id{};
  const std::size_t length = std::min<std::size_t>(request.length.get(), id.size());
  std::copy_n(ids.begin(), length, id.begin());
  if (std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; })) {
    return tl::unexpected(
        CommandFailure{std::nullopt, "GET_ID2: the firmware gave an id of zeros"});
  }
  return id;
}

CommandResult<void> DevSev::commit() { return issue("SNP_COMMIT", sev::cmd_snp_commit, nullptr); }

CommandResult<void> DevSev::set_config(const snp::Config& config) {
  snp::Config copy = config;  // the kernel takes a pointer that it may write to
  return issue("SNP_CONFIG", sev::cmd_snp_set_config, &copy);
}

CommandResult<void> DevSev::vlek_load(const snp::WrappedVlek& vlek) {
  snp::WrappedVlek copy = vlek;
  sev::SnpVlekLoad request;
  request.len = static_cast<std::uint32_t>(sizeof request);
  request.vlek_wrapped_version = snp::wrapped_vlek_version;
  request.vlek_wrapped_address = address_of(&copy);
  return issue("SNP_VLEK_LOAD", sev::cmd_snp_vlek_load, &request);
}

}  // namespace extreq::firmware
