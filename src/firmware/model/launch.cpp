#include "firmware/model/launch.hpp"

#include <algorithm>

#include "attestation/vcpu_type.hpp"
#include "base/byte_builder.hpp"
#include "crypto/random.hpp"
#include "firmware/model/command_failure.hpp"
#include "firmware/model/cpuid_rules.hpp"
#include "firmware/model/id_block.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace bit = snp::policy;
namespace info = snp::platform_info;
using snp::CommandStatus;
using snp::PageType;

const char* name(GuestPhase phase) {
  switch (phase) {
    case GuestPhase::init:
      return "INIT (before SNP_LAUNCH_START)";
    case GuestPhase::launch:
      return "LAUNCH (before SNP_LAUNCH_FINISH)";
    case GuestPhase::running:
      return "RUNNING";
  }
  return "unknown";
}

CommandResult<void> require(const char* command, const GuestContext& guest, GuestPhase phase) {
  if (guest.phase == phase) return {};
  return refuse(CommandStatus::invalid_guest_state, "{}: the guest's state is {}, {} is required",
                command, name(guest.phase), name(phase));
}

CommandResult<void> check_policy(std::uint64_t policy, const PlatformState& platform) {
  if ((policy & bit::reserved_one) == 0 || (policy & ~bit::known_mask) != 0) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_LAUNCH_START: policy {:#x}: bit 17 must be one, bits 63:26 zero", policy);
  }
  const auto major = policy >> bit::abi_major_shift & bit::abi_major_mask;
  const auto minor = policy & bit::abi_minor_mask;
  const auto& version = platform.current.version;
  if (std::pair(major, minor) >
      std::pair(std::uint64_t{version.major}, std::uint64_t{version.minor})) {
    return refuse(CommandStatus::policy_failure,
                  "SNP_LAUNCH_START: the policy asks for ABI {}.{}, the firmware has {}", major,
                  minor, to_text(version));
  }
  struct Rule {
    bool broken;
    const char* text;
  };
  const auto policy_has = [&](std::uint64_t flag) { return (policy & flag) != 0; };
  const auto platform_has = [&](std::uint64_t flag) {
    return (platform.platform_info & flag) != 0;
  };
  const std::array rules{
      Rule{!policy_has(bit::smt) && platform_has(info::smt_en),
           "forbids SMT, which the platform has on"},
      Rule{policy_has(bit::mem_aes_256_xts) && platform.product == attestation::Product::milan,
           "asks for AES-256-XTS, which Milan does not have"},
      Rule{policy_has(bit::rapl_dis) && !platform_has(info::rapl_dis),
           "asks for RAPL to be off, which the platform has on"},
      Rule{policy_has(bit::ciphertext_hiding) && !platform_has(info::ciphertext_hiding_dram_en),
           "asks for ciphertext hiding, which the platform has off"},
  };
  for (const Rule& rule : rules) {
    if (rule.broken) {
      return refuse(CommandStatus::policy_failure, "SNP_LAUNCH_START: policy {:#x} {}", policy,
                    rule.text);
    }
  }
  return {};
}

GuestPage secrets_page(const GuestContext& guest, const PlatformState& platform) {
  snp::SecretsPage secrets;
  secrets.version = snp::secrets_page_version;
  secrets.fms =
      attestation::cpuid_signature(platform.cpu.family, platform.cpu.model, platform.cpu.stepping);
  secrets.gosvw = guest.gosvw;
  std::ranges::copy(guest.vmpcks[0].view(), secrets.vmpck0.begin());
  std::ranges::copy(guest.vmpcks[1].view(), secrets.vmpck1.begin());
  std::ranges::copy(guest.vmpcks[2].view(), secrets.vmpck2.begin());
  std::ranges::copy(guest.vmpcks[3].view(), secrets.vmpck3.begin());
  secrets.tsc_factor = guest.tsc.factor;
  Bytes bytes = ByteBuilder(sizeof(secrets)).object(secrets).take();
  GuestPage page;
  std::ranges::copy(bytes, page.begin());
  wipe(bytes);
  for (auto* key : {&secrets.vmpck0, &secrets.vmpck1, &secrets.vmpck2, &secrets.vmpck3}) wipe(*key);
  return page;
}

}  // namespace

CommandResult<void> launch_start(GuestContext& guest, const PlatformState& platform,
                                 const LaunchStart& start) {
  if (auto ready = require("SNP_LAUNCH_START", guest, GuestPhase::init); !ready) return ready;
  if (auto kept = check_policy(start.policy, platform); !kept) return kept;
  Status random = crypto::random_bytes(guest.report_id);
  if (random) random = crypto::random_bytes(guest.vmrk.mutable_view());
  for (auto& key : guest.vmpcks) {
    if (random) random = crypto::random_bytes(key.mutable_view());
  }
  if (!random) return not_run("SNP_LAUNCH_START", random.error());
  guest.policy = start.policy;
  guest.gosvw = start.gosvw;
  guest.tsc = start.tsc;
  guest.launch_tcb = platform.current.tcb;
  guest.launch_mit_vector = platform.current.mit_vector;
  guest.phase = GuestPhase::launch;
  return {};
}

CommandResult<std::optional<GuestPage>> launch_update(GuestContext& guest,
                                                      const PlatformState& platform,
                                                      const LaunchPage& page) {
  if (auto ready = require("SNP_LAUNCH_UPDATE", guest, GuestPhase::launch); !ready) {
    return tl::unexpected(std::move(ready).error());
  }
  if (page.type != PageType::vmsa && page.gpa % snp::page_size != 0) {
    return refuse(CommandStatus::invalid_address,
                  "SNP_LAUNCH_UPDATE: GPA {:#x} is not page aligned", page.gpa);
  }
  std::optional<GuestPage> placed;
  switch (page.type) {
    case PageType::normal:
    case PageType::vmsa:
    case PageType::unmeasured:
      break;
    case PageType::zero:
      placed = GuestPage{};
      break;
    case PageType::secrets:
      placed = secrets_page(guest, platform);
      break;
    case PageType::cpuid:
      if (const auto allowed = check_cpuid_page(page.contents, platform.cpu); !allowed) {
        return refuse(CommandStatus::invalid_param, "SNP_LAUNCH_UPDATE: {}",
                      allowed.error().message);
      }
      break;
    default:
      return refuse(CommandStatus::invalid_param, "SNP_LAUNCH_UPDATE: page type {} does not exist",
                    static_cast<unsigned>(page.type));
  }
  const std::uint64_t measured_gpa = page.type == PageType::vmsa ? snp::vmsa_gpa : page.gpa;
  guest.launch_digest.add_page(page.type, measured_gpa, page.contents, page.attributes);
  return placed;
}

CommandResult<void> launch_finish(GuestContext& guest, const LaunchFinish& finish) {
  if (auto ready = require("SNP_LAUNCH_FINISH", guest, GuestPhase::launch); !ready) return ready;
  if (finish.id_block.has_value() != finish.id_auth.has_value()) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_LAUNCH_FINISH: an ID block and its authentication come together");
  }
  if (finish.author_key_en && !finish.id_block) {
    return refuse(CommandStatus::invalid_param,
                  "SNP_LAUNCH_FINISH: AUTH_KEY_EN is set and there is no ID block");
  }
  if (finish.id_block) {
    auto identity = check_id_block(*finish.id_block, *finish.id_auth, finish.author_key_en,
                                   guest.launch_digest.digest(), guest.policy);
    if (!identity) return tl::unexpected(std::move(identity).error());
    guest.identity = *identity;
  }
  guest.host_data = finish.host_data;
  guest.vcek_disabled = finish.vcek_disabled;
  guest.responder.emplace(std::move(guest.vmpcks));
  guest.phase = GuestPhase::running;
  return {};
}

}  // namespace extreq::firmware::model
