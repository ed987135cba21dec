#include "attestation/policy_file.hpp"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "attestation/policy_reader.hpp"
#include "attestation/strict_json.hpp"

namespace extreq::attestation {
namespace {

using Json = PolicyValue::Json;
using Reader = PolicyValue::Reader;
using Readers = std::map<std::string, Reader>;

constexpr std::array products = {Product::milan, Product::genoa, Product::turin, Product::venice};
constexpr std::array<std::string_view, 3> rule_names = {"any", "require", "forbid"};

Reader flag(bool& value) {
  return [&value](const PolicyValue& given) { return given.read(value); };
}

template <class Number>
Reader number(std::optional<Number>& value) {
  return [&value](const PolicyValue& given) {
    return given.number(value.emplace(), std::numeric_limits<Number>::max());
  };
}

template <std::size_t N>
Reader values(std::vector<std::array<std::uint8_t, N>>& set) {
  return [&set](const PolicyValue& given) {
    return given.array([&](const PolicyValue& member) { return member.bytes(set.emplace_back()); });
  };
}

// "forbid_unknown": the bits that have no name.
Reader bits(BitRules& rules, std::span<const NamedBit> names, std::uint64_t known,
            Readers more = {}) {
  return [&rules, names, known, more = std::move(more)](const PolicyValue& given) {
    Readers readers = more;
    for (const NamedBit& bit : names) {
      readers[std::string(bit.name)] = [&rules,
                                        mask = bit.mask](const PolicyValue& member) -> Status {
        std::size_t rule = 0;
        EXTREQ_TRY(member.one_of(rule_names, rule));
        if (rule == 1) rules.require |= mask;
        if (rule == 2) rules.forbid |= mask;
        return Status();
      };
    }
    readers["forbid_unknown"] = [&rules, known](const PolicyValue& member) -> Status {
      bool forbid = false;
      EXTREQ_TRY(member.read(forbid));
      if (forbid) rules.forbid |= ~known;
      return Status();
    };
    return given.object(readers);
  };
}

// "1.51"
Status read_version(const PolicyValue& given, AbiVersion& version) {
  constexpr std::string_view wanted = "a version such as \"1.51\"";
  if (!given.json().is_string()) return given.wrong(wanted);
  const auto& text = given.json().get_ref<const std::string&>();
  const auto dot = text.find('.');
  const auto part = [](std::string_view digits, std::uint8_t& value) {
    const char* const end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, value);
    return error == std::errc() && at == end;
  };
  if (dot == std::string::npos || !part(std::string_view(text).substr(0, dot), version.major) ||
      !part(std::string_view(text).substr(dot + 1), version.minor)) {
    return given.wrong(wanted);
  }
  return {};
}

Reader version_floor(std::optional<AbiVersion>& version) {
  return [&version](const PolicyValue& given) { return read_version(given, version.emplace()); };
}

Reader versions(std::optional<std::array<AbiVersion, 2>>& floors) {
  return [&floors](const PolicyValue& given) {
    auto& both = floors.emplace();
    return given.object(
        {{"current", [&](const PolicyValue& v) { return read_version(v, both[0]); }},
         {"committed", [&](const PolicyValue& v) { return read_version(v, both[1]); }}});
  };
}

Reader builds(std::optional<std::array<std::uint8_t, 2>>& floors) {
  return [&floors](const PolicyValue& given) {
    auto& both = floors.emplace();
    return given.object(
        {{"current", [&](const PolicyValue& v) { return v.number(both[0], 255); }},
         {"committed", [&](const PolicyValue& v) { return v.number(both[1], 255); }}});
  };
}

Status read_floor(const PolicyValue& given, TcbFloor& floor, bool with_fmc) {
  Readers readers = {{"bootloader", number(floor.bootloader)},
                     {"tee", number(floor.tee)},
                     {"snp", number(floor.snp)},
                     {"microcode", number(floor.microcode)}};
  if (with_fmc) readers["fmc"] = number(floor.fmc);
  return given.object(readers);
}

Status read_floors(const PolicyValue& given, TcbFloors& floors, Product product) {
  Readers readers;
  const bool with_fmc = layout_of(product) == TcbLayout::turin;
  for (std::size_t kind = 0; kind < floors.size(); ++kind) {
    readers[std::string(tcb_kind_names.at(kind))] = [&floors, kind,
                                                     with_fmc](const PolicyValue& member) {
      return read_floor(member, floors.at(kind), with_fmc);
    };
  }
  return given.object(readers);
}

Reader minimum_tcb(Policy& policy) {
  return [&policy](const PolicyValue& given) {
    Readers readers;
    for (const Product product : products) {
      readers[std::string(kds_name(product))] = [&policy, product](const PolicyValue& member) {
        return read_floors(
            member, policy.minimum_tcb.at(static_cast<std::size_t>(product)).emplace(), product);
      };
    }
    return given.object(readers);
  };
}

Reader product_set(std::vector<Product>& set) {
  return [&set](const PolicyValue& given) {
    return given.array([&](const PolicyValue& member) -> Status {
      std::vector<std::string_view> names;
      names.reserve(products.size());
      for (const Product product : products) names.push_back(kds_name(product));
      std::size_t index = 0;
      EXTREQ_TRY(member.one_of(names, index));
      set.push_back(products.at(index));
      return Status();
    });
  };
}

Reader signing_key_set(std::vector<SigningKey>& set) {
  return [&set](const PolicyValue& given) {
    return given.array([&](const PolicyValue& member) -> Status {
      constexpr std::array keys = {SigningKey::vcek, SigningKey::vlek};
      const std::array names = {to_text(keys[0]), to_text(keys[1])};
      std::size_t index = 0;
      EXTREQ_TRY(member.one_of(names, index));
      set.push_back(keys.at(index));
      return Status();
    });
  };
}

// 64 bytes, or the 8 that count on Turin and Venice.
Reader chip_id_set(ValueSet<64>& set) {
  return [&set](const PolicyValue& given) {
    return given.array([&](const PolicyValue& member) {
      auto& chip_id = set.emplace_back();
      std::array<std::uint8_t, abi::snp::chip_id_size_turin> shorter{};
      if (!member.bytes(shorter)) return member.bytes(chip_id);
      std::ranges::copy(shorter, chip_id.begin());
      return Status();
    });
  };
}

Reader vmpl_set(std::vector<std::uint32_t>& set) {
  return [&set](const PolicyValue& given) {
    return given.array(
        [&](const PolicyValue& member) { return member.number(set.emplace_back(), 3); });
  };
}

Reader text_set(std::vector<std::string>& set) {
  return [&set](const PolicyValue& given) {
    return given.array([&](const PolicyValue& member) { return member.text(set.emplace_back()); });
  };
}

Status read_table_rule(const PolicyValue& given, TableRule& rule) {
  return given.object({{"presence",
                        [&rule](const PolicyValue& member) -> Status {
                          std::size_t index = 0;
                          EXTREQ_TRY(member.one_of(rule_names, index));
                          rule.presence = static_cast<Presence>(index);
                          return Status();
                        }},
                       {"sha256", values(rule.sha256)}});
}

Reader table_rules(std::vector<TableRule>& rules) {
  return [&rules](const PolicyValue& given) {
    return given.members([&](const std::string& key, const PolicyValue& member) -> Status {
      const auto guid = guid_from_text(key);
      if (!guid) {
        return fail(Code::invalid_input,
                    "/certificate_table: the key {} found, a GUID in lower case wanted",
                    PolicyValue::shown(key));
      }
      return read_table_rule(member, rules.emplace_back(TableRule{*guid, Presence::any, {}}));
    });
  };
}

Reader id_block(Policy& policy) {
  return [&policy](const PolicyValue& given) {
    return given.object({{"require", flag(policy.require_id_block)},
                         {"require_author_key", flag(policy.require_author_key)},
                         {"id_key_digests", values(policy.id_key_digests)},
                         {"author_key_digests", values(policy.author_key_digests)}});
  };
}

std::uint64_t all_of(std::span<const NamedBit> names) {
  std::uint64_t mask = 0;
  for (const NamedBit& bit : names) mask |= bit.mask;
  return mask;
}

Reader schema_version() {
  return [](const PolicyValue& given) -> Status {
    std::uint64_t version = 0;
    if (!given.number(version, 1) || version != 1) return given.wrong("1");
    return {};
  };
}

Reader mitigations(Policy& policy) {
  return [&policy](const PolicyValue& given) {
    return given.object({{"launch", number(policy.launch_mitigations)},
                         {"current", number(policy.current_mitigations)}});
  };
}

Readers readers_for(Policy& policy) {
  return {
      {"version", schema_version()},
      {"waive_report_data", flag(policy.waive_report_data)},
      {"vmpls", vmpl_set(policy.vmpls)},
      {"allow_host_initiated", flag(policy.allow_host_initiated)},
      {"guest_policy", bits(policy.guest_policy, guest_policy_bits(), abi::snp::policy::known_mask,
                            {{"minimum_abi", version_floor(policy.minimum_policy_abi)}})},
      {"platform_info",
       bits(policy.platform_info, platform_info_bits(), all_of(platform_info_bits()))},
      {"minimum_tcb", minimum_tcb(policy)},
      {"minimum_version", versions(policy.minimum_version)},
      {"minimum_build", builds(policy.minimum_build)},
      {"forbid_provisional_firmware", flag(policy.forbid_provisional_firmware)},
      {"mitigations", mitigations(policy)},
      {"measurements", values(policy.measurements)},
      {"host_data", values(policy.host_data)},
      {"family_ids", values(policy.family_ids)},
      {"image_ids", values(policy.image_ids)},
      {"report_ids", values(policy.report_ids)},
      {"report_ids_ma", values(policy.report_ids_ma)},
      {"minimum_guest_svn", number(policy.minimum_guest_svn)},
      {"products", product_set(policy.products)},
      {"signing_keys", signing_key_set(policy.signing_keys)},
      {"forbid_masked_chip_id", flag(policy.forbid_masked_chip_id)},
      {"chip_ids", chip_id_set(policy.chip_ids)},
      {"csp_ids", text_set(policy.csp_ids)},
      {"id_block", id_block(policy)},
      {"certificate_table", table_rules(policy.table_rules)}};
}

}  // namespace

Result<Policy> parse_policy(ByteView json) {
  if (json.size() > policy_file_max) {
    return fail(Code::invalid_input, "the policy has {} bytes, at most {} are read", json.size(),
                policy_file_max);
  }
  EXTREQ_TRY_ASSIGN(const Json document, parse_strict_json(json, "the policy"));
  if (!document.is_object() || !document.contains("version")) {
    return fail(Code::invalid_input, "/: an object with \"version\": 1 wanted");
  }
  Policy policy;
  EXTREQ_TRY(PolicyValue(document, "").object(readers_for(policy)));
  return policy;
}

}  // namespace extreq::attestation
