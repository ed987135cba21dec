#include "attestation/verification.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "attestation/time_text.hpp"
#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {
namespace {

namespace snp = abi::snp;
using crypto::Certificate;

Check check_signing_key(const Report& report, const Endorsement& endorsement, Explain explain) {
  constexpr CheckId id = CheckId::signing_key;
  const SigningKey key = report.signing_key();
  if (report.mask_chip_key()) {
    return failed(id, "MASK_CHIP_KEY is 1: the platform signs no reports");
  }
  if (key != SigningKey::vcek && key != SigningKey::vlek) {
    return failed(id, fmt::format("SIGNING_KEY is {} ({}), VCEK or VLEK wanted",
                                  (report.key_info() >> snp::key_info::signing_key_shift) &
                                      snp::key_info::signing_key_mask,
                                  to_text(key)));
  }
  const Role wanted = key == SigningKey::vlek ? Role::vlek : Role::vcek;
  if (endorsement.role() && endorsement.role() != wanted) {
    return failed(id, fmt::format("SIGNING_KEY is {}, the certificate is for a {}", to_text(key),
                                  to_text(*endorsement.role())));
  }
  return explain.passed(id, [&] { return fmt::format("SIGNING_KEY is {}", to_text(key)); });
}

Check check_validity(const Endorsement& endorsement, std::chrono::sys_seconds at, Explain explain) {
  constexpr CheckId id = CheckId::validity;
  if (endorsement.certificates().empty()) return explain.not_done(id, "no certificates");
  if (const Certificate* const invalid = endorsement.not_valid_at(at)) {
    return failed(id, fmt::format("\"{}\" is valid from {} to {}, not at {}",
                                  display_name(*invalid), to_rfc3339(invalid->not_before()),
                                  to_rfc3339(invalid->not_after()), to_rfc3339(at)));
  }
  return explain.passed(id, [&] { return "at " + to_rfc3339(at); });
}

Check check_revocation(const Report& report, const Endorsement& endorsement,
                       const Revocation& revocation, std::chrono::sys_seconds at, Explain explain) {
  static const std::optional<Certificate> none;
  const auto& root = endorsement.chain() ? endorsement.chain()->root() : none;
  return attestation::check_revocation(report.signing_key(), endorsement.certificates(), root,
                                       revocation, at, explain);
}

Check check_product(const Report& report, const Endorsement& endorsement, Explain explain) {
  constexpr CheckId id = CheckId::product;
  if (!endorsement.extensions()) return explain.not_done(id, "no certificate says a product");
  const Product product = endorsement.extensions()->product;
  if (const auto& stranger = endorsement.of_another_product()) {
    return failed(id, fmt::format("the {} is of a {}, \"{}\" is not", to_text(*endorsement.role()),
                                  kds_name(product), display_name(*stranger)));
  }
  const auto cpuid = report.cpuid();
  if (!cpuid) {
    return explain.passed(id, [&] {
      return fmt::format("{}; a report of version {} does not name its processor",
                         kds_name(product), report.version());
    });
  }
  const auto from_cpuid = product_from_cpuid(cpuid->family, cpuid->model);
  if (!from_cpuid) return failed(id, from_cpuid.error().message);
  if (*from_cpuid != product) {
    return failed(id, fmt::format("the {} is of a {}, the report's CPUID family {:#04x} model "
                                  "{:#04x} is a {}",
                                  to_text(*endorsement.role()), kds_name(product), cpuid->family,
                                  cpuid->model, kds_name(*from_cpuid)));
  }
  return explain.passed(id, [&] {
    return fmt::format("{} (CPUID: {})", kds_name(product), code_name(cpuid->family, cpuid->model));
  });
}

Check check_signature_algorithm(const Report& report, Explain explain) {
  constexpr CheckId id = CheckId::signature_algorithm;
  if (report.signature_algo() == snp::signature_algo_ecdsa_p384_sha384) {
    return explain.passed(id, [] { return "ECDSA P-384 with SHA-384"; });
  }
  return failed(id, fmt::format("SIGNATURE_ALGO is {}, {} (ECDSA P-384 with SHA-384) wanted",
                                report.signature_algo(), snp::signature_algo_ecdsa_p384_sha384));
}

// `fits`: what a caller found out by itself.
Check check_signature(const Report& report, const Endorsement& endorsement,
                      std::optional<bool> fits, Explain explain) {
  constexpr CheckId id = CheckId::signature;
  if (!endorsement.key()) return explain.not_done(id, "no key to check it with");
  const auto signature = report.signature();
  if (!signature) return failed(id, signature.error().message);
  if (!fits) {
    fits = endorsement.key()->verify_digest(crypto::sha384(report.signed_bytes()), *signature);
  }
  if (!*fits) {
    return failed(id, fmt::format("the {}'s key did not sign this report: one of the two was "
                                  "changed, or is of another chip or TCB",
                                  to_text(*endorsement.role())));
  }
  if (report.version_is_known()) {
    return explain.passed(id,
                          [&] { return fmt::format("report of version {}", report.version()); });
  }
  return explain.passed(id, [&] {
    return fmt::format(
        "report of version {}, which is later than {}: its fields are read "
        "as those of version {}",
        report.version(), snp::report_version_max, snp::report_version_max);
  });
}

Check check_reported_tcb(const Report& report, const Endorsement& endorsement, Explain explain) {
  constexpr CheckId id = CheckId::reported_tcb;
  if (!endorsement.extensions()) return explain.not_done(id, "no certificate to compare with");
  const auto& certified = endorsement.extensions()->tcb;
  const TcbLayout layout = layout_of(endorsement.extensions()->product);
  const Tcb reported = decode_tcb(report.reported_tcb(), layout);
  std::string differences;
  for (const TcbField& field : tcb_fields(layout)) {
    if (field.get(reported) == field.get(certified)) continue;
    differences += fmt::format("{}{} {} in the report and {} in the {}",
                               differences.empty() ? "" : ", ", field.name, field.get(reported),
                               field.get(certified), to_text(*endorsement.role()));
  }
  if (!differences.empty()) return failed(id, std::move(differences));
  if (!reserved_bits_zero(report.reported_tcb(), layout)) {
    return failed(id, fmt::format("REPORTED_TCB {:#018x} has a reserved byte set: a component that "
                                  "no certificate is compared with",
                                  report.reported_tcb()));
  }
  return explain.passed(id, [&] { return to_text(reported); });
}

Check check_chip_id(const Report& report, const Endorsement& endorsement, Explain explain) {
  constexpr CheckId id = CheckId::chip_id;
  if (!endorsement.extensions()) return explain.not_done(id, "no certificate to compare with");
  if (endorsement.role() == Role::vlek) {
    return explain.not_done(id, "a VLEK is for a provider's platforms, not for one chip");
  }
  if (report.chip_id_masked()) {
    return explain.not_done(id, "CHIP_ID is all zero: the platform masks it");
  }
  const Bytes& hwid = *endorsement.extensions()->hwid;
  const ByteView chip_id = report.chip_id();
  const bool same = std::ranges::equal(chip_id.first(hwid.size()), hwid) &&
                    all_zero(chip_id.subspan(hwid.size()));
  const auto shown = [&] {
    const bool is_short = all_zero(chip_id.subspan(snp::chip_id_size_turin));
    return to_hex(is_short ? chip_id.first(snp::chip_id_size_turin) : chip_id);
  };
  if (same) return explain.passed(id, shown);
  return failed(id, fmt::format("CHIP_ID is {}, the VCEK is for {}", shown(), to_hex(hwid)));
}

Check check_runtime_data(const Report& report, const Expectations& expectations, Explain explain) {
  constexpr CheckId id = CheckId::runtime_data;
  if (!expectations.runtime_data) return explain.not_done(id, "no runtime data");
  const auto digest = crypto::sha256(*expectations.runtime_data);
  const auto begin = ByteView(report.report_data()).first(digest.size());
  if (std::ranges::equal(begin, digest)) {
    return explain.passed(id, [&] { return "SHA-256 " + to_hex(digest); });
  }
  return failed(id,
                fmt::format("the SHA-256 of the runtime data is {}, REPORT_DATA begins with {}: "
                            "they do not belong to this report",
                            to_hex(digest), to_hex(begin)));
}

Check check_report_data(const Report& report, const Expectations& expectations, Explain explain) {
  constexpr CheckId id = CheckId::report_data;
  if (!expectations.report_data) {
    if (expectations.policy && !expectations.policy->waive_report_data) {
      return failed(id,
                    "no value was given, and the policy does not waive it: an old report would "
                    "pass as well");
    }
    return explain.not_done(id, "no value was given: an old report would pass as well");
  }
  if (*expectations.report_data == report.report_data()) {
    return explain.passed(id, [&] { return to_hex(report.report_data()); });
  }
  return failed(id, fmt::format("{} found, {} wanted", to_hex(report.report_data()),
                                to_hex(*expectations.report_data)));
}

Verdict verdict_of(const std::vector<Check>& checks) {
  bool acceptable = true;
  for (const Check& check : checks) {
    const CheckKind& kind = kind_of(check.id);
    const bool good = check.state == CheckState::passed ||
                      (check.state == CheckState::not_done && kind.may_be_left_out);
    if (good) continue;
    if (!kind.acceptance) return Verdict::not_genuine;
    acceptable = false;
  }
  return acceptable ? Verdict::genuine : Verdict::not_acceptable;
}

std::string names_of(const Verification& verification, CheckState state) {
  std::string names;
  for (const Check& check : verification.checks) {
    if (check.state != state) continue;
    if (!names.empty()) names += ", ";
    names += kind_of(check.id).name;
  }
  return names;
}

// In the order of CheckId.
void run_checks(const Report& report, const Endorsement& endorsement, std::chrono::sys_seconds at,
                const Expectations& expectations, std::optional<bool> fits,
                std::vector<Check>& checks) {
  const Explain explain{expectations.explain_all};
  checks.push_back(check_signing_key(report, endorsement, explain));
  for (const Check& check : endorsement.checks()) {
    const bool wordless = !explain.all && check.state != CheckState::failed;
    checks.push_back({check.id, check.state, wordless ? std::string() : check.why});
  }
  checks.push_back(check_validity(endorsement, at, explain));
  checks.push_back(check_product(report, endorsement, explain));
  checks.push_back(check_revocation(report, endorsement, expectations.revocation, at, explain));
  checks.push_back(check_signature_algorithm(report, explain));
  checks.push_back(check_signature(report, endorsement, fits, explain));
  checks.push_back(check_reported_tcb(report, endorsement, explain));
  checks.push_back(check_chip_id(report, endorsement, explain));
  checks.push_back(check_runtime_data(report, expectations, explain));
  checks.push_back(check_report_data(report, expectations, explain));
  check_policy({report, endorsement.extensions(), expectations.certificate_table.get()},
               expectations.policy.get(), explain, checks);
}

Verification verify_with(const Report& report, const Endorsement& endorsement,
                         std::chrono::sys_seconds at, const Expectations& expectations,
                         std::optional<bool> fits) {
  Verification result;
  result.checks.reserve(check_count);
  run_checks(report, endorsement, at, expectations, fits, result.checks);
  result.verdict = verdict_of(result.checks);
  result.signing_key = report.signing_key();
  if (endorsement.extensions()) result.product = endorsement.extensions()->product;
  result.model = endorsement.model();
  if (endorsement.chain()) {
    result.trust = endorsement.chain()->trust();
    if (const auto& root = endorsement.chain()->root()) result.root = display_name(*root);
  }
  return result;
}

}  // namespace

Result<Expectations> with_table(Expectations expectations, CertificateTable table) {
  if (expectations.revocation.mode != RevocationMode::off) {
    EXTREQ_TRY_ASSIGN(auto served, revocation_list_of(table));
    if (served) expectations.revocation.served_lists.push_back(*std::move(served));
  }
  expectations.certificate_table = std::make_shared<const CertificateTable>(std::move(table));
  return expectations;
}

std::string_view to_text(Verdict verdict) noexcept {
  switch (verdict) {
    case Verdict::genuine:
      return "genuine";
    case Verdict::not_acceptable:
      return "genuine, but not acceptable";
    case Verdict::not_genuine:
      break;
  }
  return "not genuine";
}

std::optional<SignatureQuestion> signature_question(const Report& report,
                                                    const Endorsement& endorsement) {
  const auto signature = report.signature();
  if (!endorsement.key() || !signature) return std::nullopt;
  return SignatureQuestion{&*endorsement.key(), report.signed_bytes(), *signature};
}

Verification verify(const Report& report, const Endorsement& endorsement,
                    std::chrono::sys_seconds at, const Expectations& expectations) {
  return verify_with(report, endorsement, at, expectations, std::nullopt);
}

Verification verify(const Report& report, const Endorsement& endorsement,
                    std::chrono::sys_seconds at, const Expectations& expectations,
                    bool signature_fits) {
  return verify_with(report, endorsement, at, expectations, signature_fits);
}

Verification verify(const VerificationInput& input) {
  return verify(input.report,
                Endorsement::find(input.report.signing_key(), input.certificates, input.anchors),
                input.at, input.expectations);
}

std::string summary(const Verification& verification) {
  std::string text(to_text(verification.verdict));
  if (verification.verdict != Verdict::not_genuine) {
    text += fmt::format(": signed by a {} under {}\"{}\"", to_text(verification.signing_key),
                        verification.trust == TrustAnchors::Kind::amd ? "AMD's root " : "the root ",
                        verification.root);
    if (verification.model) text += ", which is a software model's and not AMD's";
  }
  if (const auto names = names_of(verification, CheckState::failed); !names.empty()) {
    text += "; failed: " + names;
  }
  if (const auto names = names_of(verification, CheckState::not_done); !names.empty()) {
    text += "; not checked: " + names;
  }
  return text;
}

}  // namespace extreq::attestation
