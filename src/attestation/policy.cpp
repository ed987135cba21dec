#include "attestation/policy.hpp"

#include <algorithm>
#include <concepts>
#include <utility>

#include <fmt/format.h>

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;

constexpr std::array policy_bits{
    NamedBit{snp::policy::smt, "smt"},
    NamedBit{snp::policy::reserved_one, "reserved_one"},
    NamedBit{snp::policy::migrate_ma, "migrate_ma"},
    NamedBit{snp::policy::debug, "debug"},
    NamedBit{snp::policy::single_socket, "single_socket"},
    NamedBit{snp::policy::cxl_allow, "cxl_allow"},
    NamedBit{snp::policy::mem_aes_256_xts, "mem_aes_256_xts"},
    NamedBit{snp::policy::rapl_dis, "rapl_dis"},
    NamedBit{snp::policy::ciphertext_hiding, "ciphertext_hiding"},
    NamedBit{snp::policy::page_swap_disable, "page_swap_disable"},
};

constexpr std::array info_bits{
    NamedBit{snp::platform_info::smt_en, "smt_en"},
    NamedBit{snp::platform_info::tsme_en, "tsme_en"},
    NamedBit{snp::platform_info::ecc_en, "ecc_en"},
    NamedBit{snp::platform_info::rapl_dis, "rapl_dis"},
    NamedBit{snp::platform_info::ciphertext_hiding_dram_en, "ciphertext_hiding_dram_en"},
    NamedBit{snp::platform_info::alias_check_complete, "alias_check_complete"},
    NamedBit{snp::platform_info::tio_en, "tio_en"},
};

// Collects what one check found: any complaint makes it fail, anything looked at makes it done.
class Finding {
 public:
  Finding(CheckId id, Explain explain) : id_(id), explain_(explain) {}

  // `complaint` is called only where it does not hold.
  template <std::invocable Complaint>
  void expect(bool holds, const Complaint& complaint) {
    asked_ = true;
    if (holds) return;
    if (!complaints_.empty()) complaints_ += "; ";
    complaints_ += complaint();
  }
  void expect(bool holds, const char* complaint) {
    expect(holds, [complaint] { return complaint; });
  }

  // `good`: what to say if all that was asked holds.
  template <std::invocable Good>
  [[nodiscard]] Check check(const Good& good) && {
    if (!asked_) return explain_.not_done(id_, "nothing asked");
    if (!complaints_.empty()) return failed(id_, std::move(complaints_));
    return explain_.passed(id_, good);
  }
  [[nodiscard]] Check check(const char* good = "as asked") && {
    return std::move(*this).check([good] { return good; });
  }

 private:
  CheckId id_;
  Explain explain_;
  bool asked_ = false;
  std::string complaints_;
};

// "debug, bit 40": for the bits of `mask`.
std::string names_of(std::uint64_t mask, std::span<const NamedBit> bits) {
  std::string names;
  for (unsigned i = 0; i < 64; ++i) {
    const std::uint64_t bit = 1ULL << i;
    if ((mask & bit) == 0) continue;
    if (!names.empty()) names += ", ";
    const auto named = std::ranges::find(bits, bit, &NamedBit::mask);
    names += named != bits.end() ? std::string(named->name) : fmt::format("bit {}", i);
  }
  return names;
}

void expect_bits(Finding& finding, std::uint64_t value, const BitRules& rules,
                 std::span<const NamedBit> bits) {
  if (rules.empty()) return;
  finding.expect((rules.require & ~value) == 0, [&] {
    return fmt::format("0, 1 wanted: {}", names_of(rules.require & ~value, bits));
  });
  finding.expect((rules.forbid & value) == 0, [&] {
    return fmt::format("1, 0 wanted: {}", names_of(rules.forbid & value, bits));
  });
}

template <std::size_t N>
void expect_one_of(Finding& finding, std::string_view name, const abi::ByteArray<N>& value,
                   const ValueSet<N>& wanted) {
  if (wanted.empty()) return;
  finding.expect(std::ranges::find(wanted, value) != wanted.end(), [&] {
    return fmt::format(
        "{} is {}, {} wanted", name, to_hex(value),
        wanted.size() == 1 ? to_hex(wanted.front()) : fmt::format("one of {}", wanted.size()));
  });
}

Check check_vmpl(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::vmpl, explain);
  if (report.vmpl() == snp::vmpl_host) {
    finding.expect(policy.allow_host_initiated,
                   "VMPL is 0xffffffff: asked for by the host, not by the guest");
    return std::move(finding).check("asked for by the host");
  }
  if (!policy.vmpls.empty()) {
    finding.expect(std::ranges::find(policy.vmpls, report.vmpl()) != policy.vmpls.end(), [&] {
      return fmt::format("VMPL is {}, {} wanted", report.vmpl(), fmt::join(policy.vmpls, " or "));
    });
  }
  return std::move(finding).check([&] { return fmt::format("VMPL {}", report.vmpl()); });
}

Check check_guest_policy(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::guest_policy, explain);
  expect_bits(finding, report.policy(), policy.guest_policy, policy_bits);
  if (policy.minimum_policy_abi) {
    const AbiVersion found{
        static_cast<std::uint8_t>((report.policy() >> snp::policy::abi_major_shift) &
                                  snp::policy::abi_major_mask),
        static_cast<std::uint8_t>(report.policy() & snp::policy::abi_minor_mask)};
    const AbiVersion wanted = *policy.minimum_policy_abi;
    finding.expect(found >= wanted, [&] {
      return fmt::format("it asks for firmware of ABI {}.{}, at least {}.{} wanted", found.major,
                         found.minor, wanted.major, wanted.minor);
    });
  }
  return std::move(finding).check([&] { return fmt::format("{:#x}", report.policy()); });
}

Check check_platform_info(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::platform_info, explain);
  expect_bits(finding, report.platform_info(), policy.platform_info, info_bits);
  return std::move(finding).check([&] { return fmt::format("{:#x}", report.platform_info()); });
}

void expect_floor(Finding& finding, std::string_view which, const Tcb& tcb, const TcbFloor& floor) {
  const auto expect = [&](std::string_view name, std::optional<std::uint8_t> found,
                          std::optional<std::uint8_t> wanted) {
    if (!wanted) return;
    finding.expect(found && *found >= *wanted, [&] {
      return fmt::format("{} TCB: {} is {}, at least {} wanted", which, name,
                         found ? std::to_string(*found) : "absent", *wanted);
    });
  };
  expect("FMC", tcb.fmc, floor.fmc);
  expect("bootloader", tcb.bootloader, floor.bootloader);
  expect("TEE", tcb.tee, floor.tee);
  expect("SNP", tcb.snp, floor.snp);
  expect("microcode", tcb.microcode, floor.microcode);
}

Check check_minimum_tcb(const PolicySubject& subject, const Policy& policy, Explain explain) {
  Finding finding(CheckId::minimum_tcb, explain);
  const bool asked = std::ranges::any_of(policy.minimum_tcb,
                                         [](const auto& floors) { return floors.has_value(); });
  if (!asked) return std::move(finding).check();
  if (!subject.extensions) {
    finding.expect(false, "no certificate says the product");
    return std::move(finding).check();
  }
  const Product product = subject.extensions->product;
  const auto& floors = policy.minimum_tcb.at(static_cast<std::size_t>(product));
  if (!floors) {
    finding.expect(false, [&] {
      return fmt::format("the policy has floors, but none for {}", kds_name(product));
    });
    return std::move(finding).check();
  }
  const Report& report = subject.report;
  const std::array values = {report.current_tcb(), report.committed_tcb(), report.reported_tcb(),
                             report.launch_tcb()};
  finding.expect(true, "");
  for (std::size_t i = 0; i < values.size(); ++i) {
    expect_floor(finding, tcb_kind_names.at(i), decode_tcb(values.at(i), layout_of(product)),
                 floors->at(i));
  }
  return std::move(finding).check(
      [&] { return fmt::format("the floors of {}", kds_name(product)); });
}

Check check_minimum_version(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::minimum_version, explain);
  const std::array versions = {report.current_version(), report.committed_version()};
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const auto& found = versions.at(i);
    const std::string_view which = tcb_kind_names.at(i);
    if (policy.minimum_version) {
      const AbiVersion wanted = policy.minimum_version->at(i);
      finding.expect(AbiVersion{found.major, found.minor} >= wanted, [&] {
        return fmt::format("the {} version is {}.{}, at least {}.{} wanted", which, found.major,
                           found.minor, wanted.major, wanted.minor);
      });
    }
    if (policy.minimum_build) {
      finding.expect(found.build >= policy.minimum_build->at(i), [&] {
        return fmt::format("the {} build is {}, at least {} wanted", which, found.build,
                           policy.minimum_build->at(i));
      });
    }
  }
  return std::move(finding).check();
}

Check check_committed(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::committed_firmware, explain);
  if (policy.forbid_provisional_firmware) {
    const auto& current = report.current_version();
    const auto& committed = report.committed_version();
    finding.expect(current.major == committed.major && current.minor == committed.minor &&
                       current.build == committed.build,
                   [&] {
                     return fmt::format("version {}.{}.{} runs, {}.{}.{} is committed",
                                        current.major, current.minor, current.build,
                                        committed.major, committed.minor, committed.build);
                   });
    finding.expect(report.current_tcb() == report.committed_tcb(), [&] {
      return fmt::format("CURRENT_TCB is {:#018x}, COMMITTED_TCB {:#018x}", report.current_tcb(),
                         report.committed_tcb());
    });
  }
  return std::move(finding).check();
}

Check check_mitigations(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::mitigations, explain);
  const auto expect = [&](std::string_view name, std::optional<std::uint64_t> found,
                          std::optional<std::uint64_t> wanted) {
    if (!wanted) return;
    if (!found) {
      finding.expect(false, [&] {
        return fmt::format("{} is absent: the report is of version {}", name, report.version());
      });
      return;
    }
    finding.expect((*found & *wanted) == *wanted, [&] {
      return fmt::format("{} is {:#x}, all bits of {:#x} wanted", name, *found, *wanted);
    });
  };
  expect("LAUNCH_MIT_VECTOR", report.launch_mit_vector(), policy.launch_mitigations);
  expect("CURRENT_MIT_VECTOR", report.current_mit_vector(), policy.current_mitigations);
  return std::move(finding).check();
}

Check check_measurement(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::measurement, explain);
  expect_one_of(finding, "MEASUREMENT", report.measurement(), policy.measurements);
  return std::move(finding).check();
}

Check check_host_data(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::host_data, explain);
  expect_one_of(finding, "HOST_DATA", report.host_data(), policy.host_data);
  return std::move(finding).check();
}

Check check_identity(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::identity, explain);
  expect_one_of(finding, "FAMILY_ID", report.family_id(), policy.family_ids);
  expect_one_of(finding, "IMAGE_ID", report.image_id(), policy.image_ids);
  expect_one_of(finding, "REPORT_ID", report.report_id(), policy.report_ids);
  expect_one_of(finding, "REPORT_ID_MA", report.report_id_ma(), policy.report_ids_ma);
  if (policy.minimum_guest_svn) {
    finding.expect(report.guest_svn() >= *policy.minimum_guest_svn, [&] {
      return fmt::format("GUEST_SVN is {}, at least {} wanted", report.guest_svn(),
                         *policy.minimum_guest_svn);
    });
  }
  return std::move(finding).check();
}

void expect_chip(Finding& finding, const Report& report, const Policy& policy) {
  if (policy.forbid_masked_chip_id) {
    finding.expect(!report.chip_id_masked(), "CHIP_ID is all zero: the platform masks it");
  }
  expect_one_of(finding, "CHIP_ID", report.chip_id(), policy.chip_ids);
}

Check check_platform(const PolicySubject& subject, const Policy& policy, Explain explain) {
  Finding finding(CheckId::platform, explain);
  const auto& extensions = subject.extensions;
  if (!policy.products.empty()) {
    finding.expect(extensions && std::ranges::find(policy.products, extensions->product) !=
                                     policy.products.end(),
                   [&] {
                     return fmt::format("the product is {}, another is wanted",
                                        extensions ? kds_name(extensions->product) : "not known");
                   });
  }
  if (!policy.signing_keys.empty()) {
    const SigningKey key = subject.report.signing_key();
    finding.expect(std::ranges::find(policy.signing_keys, key) != policy.signing_keys.end(), [&] {
      return fmt::format("SIGNING_KEY is {}, which the policy does not allow", to_text(key));
    });
  }
  expect_chip(finding, subject.report, policy);
  if (!policy.csp_ids.empty()) {
    const bool named = extensions && extensions->csp_id;
    finding.expect(
        named && std::ranges::find(policy.csp_ids, *extensions->csp_id) != policy.csp_ids.end(),
        [&] {
          return named ? fmt::format("the VLEK is of \"{}\", another provider is wanted",
                                     *extensions->csp_id)
                       : "the certificate names no provider";
        });
  }
  return std::move(finding).check();
}

// ID_KEY_DIGEST is zero without an ID block; AUTHOR_KEY_DIGEST counts only with AUTHOR_KEY_EN.
Check check_id_block(const Report& report, const Policy& policy, Explain explain) {
  Finding finding(CheckId::id_block, explain);
  const bool has_block = !all_zero(report.id_key_digest());
  const bool has_author = report.author_key_en() && !all_zero(report.author_key_digest());
  const bool trusts_keys = !policy.id_key_digests.empty() || !policy.author_key_digests.empty();
  if (policy.require_id_block) finding.expect(has_block, "there is no ID block");
  if (policy.require_author_key) finding.expect(has_author, "there is no author key");
  if (trusts_keys) {
    const bool id_key =
        has_block && std::ranges::find(policy.id_key_digests, report.id_key_digest()) !=
                         policy.id_key_digests.end();
    const bool author_key =
        has_author && std::ranges::find(policy.author_key_digests, report.author_key_digest()) !=
                          policy.author_key_digests.end();
    finding.expect(id_key || author_key, [&] {
      return fmt::format(
          "neither ID_KEY_DIGEST {} nor AUTHOR_KEY_DIGEST {} (AUTHOR_KEY_EN "
          "{}) is trusted",
          to_hex(report.id_key_digest()), to_hex(report.author_key_digest()),
          report.author_key_en() ? 1 : 0);
    });
  }
  return std::move(finding).check();
}

void expect_entry(Finding& finding, const CertificateTable& table, const TableRule& rule) {
  const auto data = table.find(rule.guid);
  const std::string guid = to_text(rule.guid);
  if (!data) {
    finding.expect(rule.presence != Presence::require,
                   [&] { return fmt::format("it lacks {}", guid); });
    return;
  }
  finding.expect(rule.presence != Presence::forbid,
                 [&] { return fmt::format("it holds {}", guid); });
  if (rule.sha256.empty()) return;
  const auto digest = crypto::sha256(*data);
  finding.expect(std::ranges::find(rule.sha256, digest) != rule.sha256.end(), [&] {
    return fmt::format("the SHA-256 of {} is {}, another is wanted", guid, to_hex(digest));
  });
}

Check check_table(const CertificateTable* table, const Policy& policy, Explain explain) {
  Finding finding(CheckId::certificate_table, explain);
  if (policy.table_rules.empty()) return std::move(finding).check();
  finding.expect(table != nullptr, "there is none");
  if (table != nullptr) {
    for (const TableRule& rule : policy.table_rules) expect_entry(finding, *table, rule);
  }
  return std::move(finding).check();
}

}  // namespace

std::span<const NamedBit> guest_policy_bits() noexcept { return policy_bits; }
std::span<const NamedBit> platform_info_bits() noexcept { return info_bits; }

void check_policy(const PolicySubject& subject, const Policy* policy, Explain explain,
                  std::vector<Check>& checks) {
  static const Policy nothing;
  const Policy& asked = policy != nullptr ? *policy : nothing;
  const Report& report = subject.report;
  checks.push_back(check_vmpl(report, asked, explain));
  checks.push_back(check_guest_policy(report, asked, explain));
  checks.push_back(check_platform_info(report, asked, explain));
  checks.push_back(check_minimum_tcb(subject, asked, explain));
  checks.push_back(check_minimum_version(report, asked, explain));
  checks.push_back(check_committed(report, asked, explain));
  checks.push_back(check_mitigations(report, asked, explain));
  checks.push_back(check_measurement(report, asked, explain));
  checks.push_back(check_host_data(report, asked, explain));
  checks.push_back(check_identity(report, asked, explain));
  checks.push_back(check_platform(subject, asked, explain));
  checks.push_back(check_id_block(report, asked, explain));
  checks.push_back(check_table(subject.table, asked, explain));
}

}  // namespace extreq::attestation
