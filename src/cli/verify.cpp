// extreq verify: is a report genuine, and is it what was asked for?
#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/time_text.hpp"
#include "attestation/verification.hpp"
#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/batch.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/inputs.hpp"
#include "cli/verbs.hpp"
#include "cli/verdict.hpp"

namespace extreq::cli {
namespace {

using OptionalTable = std::optional<attestation::CertificateTable>;

struct VerifyOptions {
  std::string report;
  std::string format = "auto";
  std::optional<std::string> table;
  std::optional<std::string> leaf;
  std::vector<std::string> chain;
  std::vector<std::string> trust;
  std::optional<std::string> report_data;
  std::optional<std::string> at;
  std::optional<std::string> policy;
  std::vector<std::string> crls;  // of unknown kind
  std::vector<std::string> vcek_crls;
  std::vector<std::string> vlek_crls;
  std::string revocation = "if-present";
  std::optional<std::string> crl_number;
  std::optional<std::string> store;
  ReadStore read_store = nullptr;
  bool json = false;
  BatchOptions batch;
};

// Everything on the command line that files cannot make wrong.
struct Request {
  std::chrono::sys_seconds at;
  attestation::Expectations expectations;
};

Result<abi::ByteArray<64>> parse_report_data(const std::string& hex) {
  EXTREQ_TRY_ASSIGN(const Bytes bytes, from_hex(hex));
  abi::ByteArray<64> report_data{};
  if (bytes.empty() || bytes.size() > report_data.size()) {
    return fail(Code::invalid_input, "{} bytes found, 1 to {} wanted", bytes.size(),
                report_data.size());
  }
  std::ranges::copy(bytes, report_data.begin());
  return report_data;
}

attestation::RevocationMode revocation_mode(const std::string& name) {
  using attestation::RevocationMode;
  if (name == "off") return RevocationMode::off;
  return name == "required" ? RevocationMode::required : RevocationMode::if_present;
}

Result<Request> read_request(const VerifyOptions& options) {
  Request request{system_clock().utc(), {}};
  if (options.at) {
    auto at = attestation::from_rfc3339(*options.at);
    if (!at) return fail(Code::invalid_input, "--at: {}", at.error().message);
    request.at = *at;
  }
  if (options.report_data) {
    auto report_data = parse_report_data(*options.report_data);
    if (!report_data) {
      return fail(Code::invalid_input, "--report-data: {}", report_data.error().message);
    }
    request.expectations.report_data = *report_data;
  }
  auto& revocation = request.expectations.revocation;
  revocation.mode = revocation_mode(options.revocation);
  if (options.crl_number) {
    auto number = from_hex(*options.crl_number);
    if (!number) return fail(Code::invalid_input, "--crl-number: {}", number.error().message);
    if (number->empty()) {
      return fail(Code::invalid_input,
                  "--crl-number: it is empty. Leave it out if no list was seen before");
    }
    revocation.known_number = *number;
  }
  return request;
}

struct Support {
  std::vector<crypto::Certificate> certificates;  // what the user names, the table's, the store's
  std::vector<attestation::KnownList> lists;      // likewise, without the table's
  attestation::TrustAnchors anchors;
};

// The roots in the file are trusted; what else is in it (an ASK, as the key service serves it
// beside its root) may serve as a part of the chain.
Status add_trusted(const std::string& path, Support& support) {
  EXTREQ_TRY_ASSIGN(const auto certificates, read_certificates(path));
  bool found = false;
  for (const crypto::Certificate& certificate : certificates) {
    if (support.anchors.add(certificate)) {
      found = true;
    } else {
      support.certificates.push_back(certificate);
    }
  }
  if (!found) {
    return fail(Code::invalid_input, "{}: no root in it: no certificate is its own issuer", path);
  }
  return {};
}

Status add_lists(const std::vector<std::string>& files, std::optional<attestation::SigningKey> key,
                 Support& support) {
  for (const std::string& file : files) {
    EXTREQ_TRY_ASSIGN(auto list, read_revocation_list(file));
    support.lists.emplace_back(std::move(list), key);
  }
  return {};
}

Status add_stored(const VerifyOptions& options, Support& support) {
  EXTREQ_TRY_ASSIGN(auto stored, options.read_store(*options.store));
  std::ranges::move(stored.certificates, std::back_inserter(support.certificates));
  std::ranges::move(stored.lists, std::back_inserter(support.lists));
  return {};
}

// Where the table came from, for messages.
const std::string& table_source(const VerifyOptions& options) {
  return options.table ? *options.table : options.report;
}

Result<Support> read_support(const VerifyOptions& options, const OptionalTable& table) {
  Support support;
  std::vector<std::string> files = options.chain;
  if (options.leaf) files.insert(files.begin(), *options.leaf);
  for (const std::string& file : files) {
    EXTREQ_TRY_ASSIGN(const auto certificates, read_certificates(file));
    support.certificates.insert(support.certificates.end(), certificates.begin(),
                                certificates.end());
  }
  for (const std::string& file : options.trust) EXTREQ_TRY(add_trusted(file, support));
  if (table) {
    auto certificates = attestation::certificates_of(*table);
    if (!certificates) {
      return fail(certificates.error().code, "{}: {}", table_source(options),
                  certificates.error().message);
    }
    support.certificates.insert(support.certificates.end(), certificates->begin(),
                                certificates->end());
  }
  EXTREQ_TRY(add_lists(options.vcek_crls, attestation::SigningKey::vcek, support));
  EXTREQ_TRY(add_lists(options.vlek_crls, attestation::SigningKey::vlek, support));
  EXTREQ_TRY(add_lists(options.crls, std::nullopt, support));
  if (options.store) EXTREQ_TRY(add_stored(options, support));
  return support;
}

// The files among what is expected.
Status read_expectations(const VerifyOptions& options, OptionalTable table, Support& support,
                         attestation::Expectations& expectations) {
  expectations.revocation.lists = std::move(support.lists);
  if (options.policy) {
    EXTREQ_TRY_ASSIGN(auto policy, read_policy(*options.policy));
    expectations.policy = std::make_shared<const attestation::Policy>(std::move(policy));
  }
  if (!table) return {};
  EXTREQ_TRY_ASSIGN(expectations,
                    attestation::with_table(std::move(expectations), *std::move(table)));
  return {};
}

Result<OptionalTable> read_named_table(const VerifyOptions& options) {
  if (!options.table) return OptionalTable();
  EXTREQ_TRY_ASSIGN(auto table, read_table(*options.table));
  return OptionalTable(std::move(table));
}

Result<attestation::Verification> verify_files(const VerifyOptions& options,
                                               const Request& request) {
  EXTREQ_TRY_ASSIGN(auto evidence,
                    attestation::read_evidence(options.report, evidence_format(options.format)));
  EXTREQ_TRY_ASSIGN(OptionalTable table, read_named_table(options));
  if (!table) table = std::move(evidence.table);
  EXTREQ_TRY_ASSIGN(auto support, read_support(options, table));
  auto expectations = request.expectations;
  expectations.runtime_data = std::move(evidence.runtime_data);
  EXTREQ_TRY(read_expectations(options, std::move(table), support, expectations));
  return attestation::verify({evidence.report, support.certificates, support.anchors, request.at,
                              std::move(expectations)});
}

Document root_document(const attestation::Verification& verification) {
  if (verification.root.empty()) return nullptr;
  Document trusted_as = nullptr;
  if (verification.trust == attestation::TrustAnchors::Kind::amd) trusted_as = "amd";
  if (verification.trust == attestation::TrustAnchors::Kind::named)
    trusted_as = "named by the user";
  return {{"name", verification.root},
          {"trusted_as", trusted_as},
          {"software_model", verification.model}};
}

Document verification_document(const attestation::Verification& verification) {
  Document document{{"verdict", verdict_name(verification.verdict)},
                    {"exit_code", exit_code_of(verification.verdict)},
                    {"summary", attestation::summary(verification)},
                    {"signing_key", attestation::to_text(verification.signing_key)},
                    {"product", nullptr},
                    {"root", root_document(verification)},
                    {"checks", Document::array()}};
  if (verification.product) document["product"] = attestation::kds_name(*verification.product);
  for (const attestation::Check& check : verification.checks) {
    const auto& kind = attestation::kind_of(check.id);
    std::string state(attestation::to_text(check.state));
    std::ranges::replace(state, ' ', '_');
    document["checks"].push_back(
        Document{{"name", kind.name}, {"title", kind.title}, {"state", state}, {"why", check.why}});
  }
  return document;
}

void print_checks(const attestation::Verification& verification) {
  std::size_t width = 0;
  for (const auto& kind : attestation::check_kinds()) width = std::max(width, kind.title.size());
  for (const attestation::Check& check : verification.checks) {
    fmt::print("{:<8}  {:<{}}  {}\n", attestation::to_text(check.state),
               attestation::kind_of(check.id).title, width, check.why);
  }
  fmt::print("\n{}\n", attestation::summary(verification));
}

int refuse(const Error& error, int exit_code, bool json) {
  fmt::print(stderr, "extreq verify: {}\n", error.message);
  if (json) {
    print_json(Document{{"verdict", nullptr}, {"exit_code", exit_code}, {"error", error.message}});
  }
  return exit_code;
}

Result<int> verify_batch(const VerifyOptions& options, const Request& request) {
  EXTREQ_TRY_ASSIGN(OptionalTable table, read_named_table(options));
  EXTREQ_TRY_ASSIGN(auto support, read_support(options, table));
  auto expectations = request.expectations;
  EXTREQ_TRY(read_expectations(options, std::move(table), support, expectations));
  return run_batch(options.batch,
                   {std::move(support.certificates), std::move(support.anchors), request.at,
                    std::move(expectations), evidence_format(options.format)});
}

int run_verify(const VerifyOptions& options) {
  const auto request = read_request(options);
  if (!request) return refuse(request.error(), exit_usage, options.json);
  if (!options.batch.source.empty()) {
    const auto exit_code = verify_batch(options, *request);
    return exit_code ? *exit_code : refuse(exit_code.error(), exit_unreadable, false);
  }
  const auto verification = verify_files(options, *request);
  if (!verification) return refuse(verification.error(), exit_unreadable, options.json);
  if (options.json) {
    print_json(verification_document(*verification));
  } else {
    print_checks(*verification);
  }
  return exit_code_of(verification->verdict);
}

void add_revocation_options(CLI::App& verb, VerifyOptions& options) {
  verb.add_option("--vcek-crl", options.vcek_crls,
                  "The root's revocation list for VCEKs (/vcek/v1/PRODUCT/crl), DER or PEM; may be "
                  "repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--vlek-crl", options.vlek_crls,
                  "The one for VLEKs (/vlek/v1/PRODUCT/crl); may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--crl", options.crls,
                  "A revocation list of which you do not know whether it is for VCEKs or VLEKs: it "
                  "can revoke and does not satisfy required; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--revocation", options.revocation,
                  "off, if-present (a list given for the report's key must be fresh) or required "
                  "(there must be one)")
      ->check(CLI::IsMember({"off", "if-present", "required"}));
  verb.add_option("--crl-number", options.crl_number,
                  "The number of a list seen before for the report's key: an older one does not "
                  "count")
      ->type_name("HEX");
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code, ReadStore read_store) {
  auto options = std::make_shared<VerifyOptions>();
  options->read_store = read_store;
  CLI::App* const verb = app.add_subcommand("verify", "Check a report against its certificates");
  auto* const input = verb->add_option_group("input");
  input
      ->add_option("--report", options->report,
                   "The attestation report, or evidence with one in it (see --format)")
      ->type_name("FILE|DIR");
  add_batch_options(*input, *verb, options->batch);
  input->require_option(1);
  add_format_option(*verb, options->format);
  verb->add_option("--certs", options->table,
                   "The certificate table of the extended guest request; instead of the evidence's")
      ->type_name("FILE");
  verb->add_option("--leaf", options->leaf, "The VCEK or VLEK, DER or PEM")->type_name("FILE");
  verb->add_option("--chain", options->chain,
                   "ASK, ASVK or ARK, DER or PEM with several; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb->add_option("--trust", options->trust,
                   "A root to trust beside AMD's pinned ones, DER or PEM; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb->add_option("--report-data", options->report_data,
                   "What REPORT_DATA must be; fewer than 64 bytes are followed by zeros")
      ->type_name("HEX");
  verb->add_option("--at", options->at, "When the certificates must be valid; without it: now")
      ->type_name("RFC3339");
  verb->add_option("--policy", options->policy, "What the report must be, as JSON")
      ->type_name("FILE");
  add_revocation_options(*verb, *options);
  if (read_store != nullptr) {
    verb->add_option("--store", options->store,
                     "A store of certificates, as host serve and kds mirror keep one: what is in "
                     "it serves after what is named and after the table")
        ->type_name("FILE");
  }
  verb->add_flag("--json", options->json, "Write the result as one JSON object");
  verb->footer(
      "Exit: 0 every check that was done passed, 1 usage, 2 not genuine, 3 genuine but not\n"
      "acceptable, 4 an input cannot be read.");
  verb->callback([options, &exit_code] { exit_code = run_verify(*options); });
}

}  // namespace extreq::cli
