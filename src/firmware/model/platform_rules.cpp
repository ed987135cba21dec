#include "firmware/model/platform_rules.hpp"

#include "firmware/model/command_failure.hpp"
#include "firmware/model/wrapped_vlek.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using attestation::Tcb;
using snp::CommandStatus;

constexpr std::uint8_t state_initialised =
    1;  // PLATFORM_STATE.INIT: the model's platform always is

// The first component in which `tcb` is above `limit`, in words; empty if there is none.
std::string component_above(const Tcb& tcb, const Tcb& limit) {
  for (const auto& field : attestation::tcb_fields(attestation::layout_of(tcb))) {
    if (field.get(tcb) > field.get(limit)) {
      return fmt::format("{} {} is above {}", field.name, field.get(tcb), field.get(limit));
    }
  }
  return {};
}

void report_tcb(PlatformState& state, const Tcb& tcb) {
  if (state.reported_tcb != tcb) state.vlek.reset();
  state.reported_tcb = tcb;
}

}  // namespace

snp::PlatformStatus platform_status(const PlatformState& state, std::uint32_t guest_count) {
  namespace flags = snp::platform_status_flags;
  snp::PlatformStatus status;
  status.api_major = state.current.version.major;
  status.api_minor = state.current.version.minor;
  status.state = state_initialised;
  status.byte3 = snp::platform_status_byte3::rmp_initialised;
  if ((state.platform_info & snp::platform_info::alias_check_complete) != 0) {
    status.byte3 |= snp::platform_status_byte3::alias_check_complete;
  }
  if ((state.platform_info & snp::platform_info::tio_en) != 0) {
    status.byte3 |= snp::platform_status_byte3::tio_en;
  }
  status.build_id = state.current.version.build;
  std::uint32_t bits = 0;
  if (state.mask_chip_id) bits |= flags::mask_chip_id;
  if (state.mask_chip_key) bits |= flags::mask_chip_key;
  if (state.vlek) bits |= flags::vlek_en;
  if ((state.platform_info & snp::platform_info::rapl_dis) != 0) bits |= flags::rapl_dis;
  if ((state.platform_info & snp::platform_info::ciphertext_hiding_dram_en) != 0) {
    bits |= flags::ciphertext_hiding_cap | flags::ciphertext_hiding_en;
  }
  if ((state.platform_info & snp::platform_info::tio_en) != 0) bits |= flags::tio_cap;
  status.flags = bits;
  status.guest_count = guest_count;
  status.current_tcb = attestation::encode_tcb(state.current.tcb);
  status.reported_tcb = attestation::encode_tcb(state.reported_tcb);
  return status;
}

CommandResult<void> apply_config(PlatformState& state, const snp::Config& config) {
  if (!all_zero(config.reserved)) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_CONFIG: the reserved bytes from 0x0C on are {}, "
                  "zero is required",
                  to_hex(config.reserved));
  }
  if ((config.flags & ~snp::config_flags::known_mask) != 0) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_CONFIG: flags are {:#x}, only bits 0 (mask chip id) and 1 (mask chip key) "
                  "are defined",
                  config.flags.get());
  }
  Tcb reported = state.committed_tcb;
  if (config.reported_tcb != 0) {
    const auto layout = attestation::layout_of(state.product);
    if (!attestation::reserved_bits_zero(config.reported_tcb, layout)) {
      return refuse(CommandStatus::invalid_param,
                    "SNP_CONFIG: REPORTED_TCB is {:#018x}: a byte is set that is reserved in {}'s "
                    "TCB layout",
                    config.reported_tcb.get(), attestation::kds_name(state.product));
    }
    reported = attestation::decode_tcb(config.reported_tcb, layout);
    if (const auto above = component_above(reported, state.committed_tcb); !above.empty()) {
      return refuse(CommandStatus::invalid_param,
                    "SNP_CONFIG: REPORTED_TCB must not exceed the committed TCB: {} (SNP_COMMIT "
                    "raises the committed TCB to the current one)",
                    above);
    }
  }
  report_tcb(state, reported);
  state.mask_chip_id = (config.flags & snp::config_flags::mask_chip_id) != 0;
  state.mask_chip_key = (config.flags & snp::config_flags::mask_chip_key) != 0;
  return {};
}

void apply_commit(PlatformState& state) {
  state.committed_tcb = state.current.tcb;
  state.committed_version = state.current.version;
  report_tcb(state, state.current.tcb);
}

CommandResult<void> apply_firmware(PlatformState& state, const FirmwareImage& image) {
  if (attestation::layout_of(image.tcb) != attestation::layout_of(state.product)) {
    return refuse(CommandStatus::invalid_param,
                  "DOWNLOAD_FIRMWARE_EX: the image's TCB is {}, which is not {}'s layout",
                  attestation::to_text(image.tcb), attestation::kds_name(state.product));
  }
  if (const auto above = component_above(state.committed_tcb, image.tcb); !above.empty()) {
    return refuse(CommandStatus::bad_svn,
                  "DOWNLOAD_FIRMWARE_EX: the image is below the committed TCB: committed {}",
                  above);
  }
  if (is_older(image.version, state.committed_version)) {
    return refuse(CommandStatus::bad_version,
                  "DOWNLOAD_FIRMWARE_EX: version {} is older than the committed {}",
                  to_text(image.version), to_text(state.committed_version));
  }
  PlatformState next = state.clone();
  next.current = image;
  if (const auto valid = check(next); !valid) {
    return refuse(CommandStatus::invalid_param, "DOWNLOAD_FIRMWARE_EX: {}", valid.error().message);
  }
  state = std::move(next);
  return {};
}

CommandResult<void> apply_vlek(PlatformState& state, const snp::WrappedVlek& wrapped) {
  auto vlek = unwrap_vlek(state.chip_secret, wrapped);
  if (!vlek && vlek.error().code == Code::not_genuine) {
    return refuse(CommandStatus::bad_measurement,
                  "SNP_VLEK_LOAD: the hashstick was wrapped for another chip, or changed");
  }
  if (!vlek) return refuse(CommandStatus::invalid_param, "SNP_VLEK_LOAD: {}", vlek.error().message);
  const auto reported = attestation::encode_tcb(state.reported_tcb);
  if (wrapped.tcb_version != reported) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_VLEK_LOAD: the hashstick is for TCB {:#018x}, the reported TCB is {:#018x}",
                  wrapped.tcb_version.get(), reported);
  }
  state.vlek = *std::move(vlek);
  return {};
}

}  // namespace extreq::firmware::model
