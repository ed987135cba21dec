#include <fmt/format.h>

#include "attestation/policy_file.hpp"

namespace extreq::attestation {
namespace {

using Sentences = std::vector<std::string>;

std::string names_of(std::uint64_t mask, std::span<const NamedBit> bits) {
  std::string names;
  for (const NamedBit& bit : bits) {
    if ((mask & bit.mask) == 0) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", bit.name);
    mask &= ~bit.mask;
  }
  if (mask != 0) names += fmt::format("{}bits {:#x}", names.empty() ? "" : ", ", mask);
  return names;
}

void add_bits(Sentences& sentences, std::string_view field, const BitRules& rules,
              std::span<const NamedBit> bits) {
  if (rules.require != 0) {
    sentences.push_back(fmt::format("{} must have set: {}", field, names_of(rules.require, bits)));
  }
  if (rules.forbid != 0) {
    sentences.push_back(
        fmt::format("{} must not have set: {}", field, names_of(rules.forbid, bits)));
  }
}

template <std::size_t N>
void add_set(Sentences& sentences, std::string_view field, const ValueSet<N>& set) {
  if (set.empty()) return;
  std::string all;
  for (const auto& value : set) all += (all.empty() ? "" : " or ") + to_hex(value);
  sentences.push_back(fmt::format("{} must be {}", field, all));
}

void add_floor(Sentences& sentences, std::string_view which, Product product,
               const TcbFloor& floor) {
  std::string all;
  const auto add = [&](std::string_view name, std::optional<std::uint8_t> value) {
    if (value) all += fmt::format("{}{} {}", all.empty() ? "" : ", ", name, *value);
  };
  add("FMC", floor.fmc);
  add("bootloader", floor.bootloader);
  add("TEE", floor.tee);
  add("SNP", floor.snp);
  add("microcode", floor.microcode);
  if (all.empty()) return;
  sentences.push_back(
      fmt::format("on {} the {} TCB must have at least {}", kds_name(product), which, all));
}

void add_tcbs(Sentences& sentences, const Policy& policy) {
  std::string with_floors;
  for (std::size_t i = 0; i < policy.minimum_tcb.size(); ++i) {
    const auto& floors = policy.minimum_tcb.at(i);
    if (!floors) continue;
    const auto product = static_cast<Product>(i);
    with_floors += fmt::format("{}{}", with_floors.empty() ? "" : " or ", kds_name(product));
    for (std::size_t kind = 0; kind < floors->size(); ++kind) {
      add_floor(sentences, tcb_kind_names.at(kind), product, floors->at(kind));
    }
  }
  if (!with_floors.empty()) {
    sentences.push_back(fmt::format("the product must be {}: no other has floors", with_floors));
  }
}

void add_firmware(Sentences& sentences, const Policy& policy) {
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string_view which = tcb_kind_names.at(i);
    if (policy.minimum_version) {
      const AbiVersion version = policy.minimum_version->at(i);
      sentences.push_back(fmt::format("the {} firmware must be at least {}.{}", which,
                                      version.major, version.minor));
    }
    if (policy.minimum_build) {
      sentences.push_back(fmt::format("the {} firmware's build must be at least {}", which,
                                      policy.minimum_build->at(i)));
    }
  }
  if (policy.forbid_provisional_firmware) {
    sentences.emplace_back("the firmware that runs must be committed");
  }
  if (policy.launch_mitigations) {
    sentences.push_back(
        fmt::format("LAUNCH_MIT_VECTOR must have all bits of {:#x}", *policy.launch_mitigations));
  }
  if (policy.current_mitigations) {
    sentences.push_back(
        fmt::format("CURRENT_MIT_VECTOR must have all bits of {:#x}", *policy.current_mitigations));
  }
}

void add_identity(Sentences& sentences, const Policy& policy) {
  add_set(sentences, "MEASUREMENT", policy.measurements);
  add_set(sentences, "HOST_DATA", policy.host_data);
  add_set(sentences, "FAMILY_ID", policy.family_ids);
  add_set(sentences, "IMAGE_ID", policy.image_ids);
  add_set(sentences, "REPORT_ID", policy.report_ids);
  add_set(sentences, "REPORT_ID_MA", policy.report_ids_ma);
  if (policy.minimum_guest_svn) {
    sentences.push_back(fmt::format("GUEST_SVN must be at least {}", *policy.minimum_guest_svn));
  }
}

void add_platform(Sentences& sentences, const Policy& policy) {
  std::string products;
  for (const Product product : policy.products) {
    products += fmt::format("{}{}", products.empty() ? "" : " or ", kds_name(product));
  }
  if (!products.empty()) sentences.push_back("the product must be " + products);
  std::string keys;
  for (const SigningKey key : policy.signing_keys) {
    keys += fmt::format("{}{}", keys.empty() ? "" : " or ", to_text(key));
  }
  if (!keys.empty()) sentences.push_back("the signing key must be a " + keys);
  if (policy.forbid_masked_chip_id) sentences.emplace_back("CHIP_ID must not be masked");
  add_set(sentences, "CHIP_ID", policy.chip_ids);
  if (!policy.csp_ids.empty()) {
    sentences.push_back(
        fmt::format("the VLEK's provider must be {}", fmt::join(policy.csp_ids, " or ")));
  }
}

void add_id_block(Sentences& sentences, const Policy& policy) {
  if (policy.require_id_block) sentences.emplace_back("there must be an ID block");
  if (policy.require_author_key) sentences.emplace_back("there must be an author key");
  const bool both = !policy.id_key_digests.empty() && !policy.author_key_digests.empty();
  if (both) sentences.emplace_back("of the next two rules one must hold");
  add_set(sentences, "ID_KEY_DIGEST", policy.id_key_digests);
  add_set(sentences, "AUTHOR_KEY_DIGEST", policy.author_key_digests);
}

void add_table(Sentences& sentences, const Policy& policy) {
  for (const TableRule& rule : policy.table_rules) {
    const std::string guid = to_text(rule.guid);
    if (rule.presence == Presence::require) {
      sentences.push_back(fmt::format("the certificate table must hold {}", guid));
    }
    if (rule.presence == Presence::forbid) {
      sentences.push_back(fmt::format("the certificate table must not hold {}", guid));
    }
    add_set(sentences, fmt::format("the SHA-256 of the table's {}", guid), rule.sha256);
  }
}

}  // namespace

std::vector<std::string> explain(const Policy& policy) {
  Sentences sentences;
  sentences.emplace_back(policy.waive_report_data
                             ? "REPORT_DATA need not be given: freshness comes from elsewhere"
                             : "REPORT_DATA must be given, and must match");
  sentences.emplace_back(policy.allow_host_initiated
                             ? "the host may have asked for the report (VMPL 0xffffffff)"
                             : "the guest must have asked for the report, not the host");
  if (!policy.vmpls.empty()) {
    sentences.push_back(fmt::format("a guest's VMPL must be {}", fmt::join(policy.vmpls, " or ")));
  }
  add_bits(sentences, "POLICY", policy.guest_policy, guest_policy_bits());
  if (policy.minimum_policy_abi) {
    sentences.push_back(fmt::format("POLICY must ask for firmware of at least ABI {}.{}",
                                    policy.minimum_policy_abi->major,
                                    policy.minimum_policy_abi->minor));
  }
  add_bits(sentences, "PLATFORM_INFO", policy.platform_info, platform_info_bits());
  add_tcbs(sentences, policy);
  add_firmware(sentences, policy);
  add_identity(sentences, policy);
  add_platform(sentences, policy);
  add_id_block(sentences, policy);
  add_table(sentences, policy);
  return sentences;
}

}  // namespace extreq::attestation
