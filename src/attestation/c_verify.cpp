// The C interface over Verifier. Nothing is thrown across it.
#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "attestation/evidence.hpp"
#include "attestation/policy_file.hpp"
#include "attestation/verifier.hpp"
#include "base/try.hpp"
#include "extreq/verify.h"

struct extreq_verifier {
  extreq::attestation::Verifier verifier;
  std::vector<extreq::crypto::Certificate> certificates;
  extreq::attestation::Expectations expectations;
};

struct extreq_result {
  extreq::attestation::Verification verification;
  std::string summary;
};

namespace extreq::attestation {
namespace {

using crypto::Certificate;

int code_of(Code code) noexcept {
  return code == Code::unsupported ? EXTREQ_UNSUPPORTED : EXTREQ_INVALID_INPUT;
}

int tell(extreq_error* error, int code, std::string_view text) noexcept {
  if (error == nullptr) return code;
  error->code = code;
  const std::size_t size = std::min(text.size(), sizeof(error->text) - 1);
  std::copy_n(text.data(), size, error->text);
  std::fill(error->text + size, std::end(error->text), '\0');
  return code;
}

// Effect: calls `work`, whose failure is a Result's, and turns what it throws into a code.
template <class Work>
int guarded(extreq_error* error, const Work& work) noexcept {
  try {
    const Status status = work();
    if (status) return tell(error, EXTREQ_OK, {});
    return tell(error, code_of(status.error().code), status.error().message);
  } catch (const std::bad_alloc&) {
    return tell(error, EXTREQ_NO_MEMORY, "no memory");
  } catch (const std::exception& exception) {
    return tell(error, EXTREQ_INTERNAL, exception.what());
  } catch (...) {
    return tell(error, EXTREQ_INTERNAL, "an unknown exception");
  }
}

// The caller's struct as far as caller and library both know it, the rest zero.
template <class Struct>
Result<Struct> known_part(const Struct* given, const char* what) {
  Struct known{};
  if (given == nullptr || given->struct_size < sizeof(known.struct_size)) {
    return fail(Code::invalid_input, "{}: NULL, or struct_size is not set", what);
  }
  std::memcpy(&known, given, std::min(given->struct_size, sizeof(known)));
  return known;
}

Result<ByteView> view(const std::uint8_t* bytes, std::size_t size, const char* what) {
  if (bytes == nullptr && size != 0) {
    return fail(Code::invalid_input, "{}: NULL with a size of {}", what, size);
  }
  return ByteView(bytes, size);
}

Result<std::vector<Certificate>> read_certificates(const std::uint8_t* bytes, std::size_t size,
                                                   const char* what) {
  EXTREQ_TRY_ASSIGN(const ByteView given, view(bytes, size, what));
  if (given.empty()) return std::vector<Certificate>();
  auto certificates = Certificate::from_pem_or_der(given);
  if (!certificates) {
    return fail(certificates.error().code, "{}: {}", what, certificates.error().message);
  }
  return certificates;
}

Result<RevocationMode> revocation_mode(int given) {
  switch (given) {
    case EXTREQ_REVOCATION_IF_PRESENT:
      return RevocationMode::if_present;
    case EXTREQ_REVOCATION_OFF:
      return RevocationMode::off;
    case EXTREQ_REVOCATION_REQUIRED:
      return RevocationMode::required;
    default:
      return fail(Code::invalid_input, "revocation: {} is no enum extreq_revocation", given);
  }
}

Status add_list(const std::uint8_t* bytes, std::size_t size, const char* what,
                std::optional<SigningKey> key, Revocation& revocation) {
  EXTREQ_TRY_ASSIGN(const ByteView given, view(bytes, size, what));
  if (given.empty()) return {};
  auto list = crypto::RevocationList::from_pem_or_der(given);
  if (!list) return fail(list.error().code, "{}: {}", what, list.error().message);
  revocation.lists.emplace_back(*std::move(list), key);
  return {};
}

Result<Revocation> read_revocation(const extreq_verifier_options& options) {
  Revocation revocation;
  EXTREQ_TRY_ASSIGN(revocation.mode, revocation_mode(options.revocation));
  EXTREQ_TRY(add_list(options.revocation_list, options.revocation_list_size, "revocation_list",
                      std::nullopt, revocation));
  EXTREQ_TRY(add_list(options.other_revocation_list, options.other_revocation_list_size,
                      "other_revocation_list", std::nullopt, revocation));
  EXTREQ_TRY(add_list(options.vcek_revocation_list, options.vcek_revocation_list_size,
                      "vcek_revocation_list", SigningKey::vcek, revocation));
  EXTREQ_TRY(add_list(options.vlek_revocation_list, options.vlek_revocation_list_size,
                      "vlek_revocation_list", SigningKey::vlek, revocation));
  EXTREQ_TRY_ASSIGN(
      const ByteView number,
      view(options.revocation_number, options.revocation_number_size, "revocation_number"));
  if (!number.empty()) revocation.known_number.emplace(number.begin(), number.end());
  return revocation;
}

Result<std::shared_ptr<const Policy>> read_policy(const extreq_verifier_options& options) {
  if (options.policy == nullptr && options.policy_size == 0) return nullptr;
  if (options.policy == nullptr) {
    return fail(Code::invalid_input, "policy: NULL with a size of {}", options.policy_size);
  }
  const std::string_view text(options.policy, options.policy_size);
  auto policy = parse_policy(Bytes(text.begin(), text.end()));
  if (!policy) return fail(policy.error().code, "policy: {}", policy.error().message);
  return std::make_shared<const Policy>(*std::move(policy));
}

Status create(const extreq_verifier_options* given, extreq_verifier** verifier) {
  extreq_verifier_options options{};
  if (given != nullptr) {
    EXTREQ_TRY_ASSIGN(options, known_part(given, "extreq_verifier_options"));
  }
  TrustAnchors anchors;
  EXTREQ_TRY_ASSIGN(const auto roots,
                    read_certificates(options.roots, options.roots_size, "roots"));
  for (const Certificate& root : roots) EXTREQ_TRY(anchors.add(root));
  EXTREQ_TRY_ASSIGN(
      auto certificates,
      read_certificates(options.certificates, options.certificates_size, "certificates"));
  Verifier::Limits limits;
  if (options.max_leaves != 0) limits.endorsements = options.max_leaves;
  Expectations expectations;
  EXTREQ_TRY_ASSIGN(expectations.revocation, read_revocation(options));
  EXTREQ_TRY_ASSIGN(expectations.policy, read_policy(options));
  *verifier = new extreq_verifier{Verifier(std::move(anchors), limits), std::move(certificates),
                                  std::move(expectations)};
  return {};
}

Expectations read_expectations(Expectations expectations, const extreq_request& request) {
  if (request.report_data == nullptr) return expectations;
  abi::ByteArray<64> report_data{};
  std::copy_n(request.report_data, report_data.size(), report_data.begin());
  expectations.report_data = report_data;
  return expectations;
}

// A report and what came with it.
struct Given {
  Report report;
  Bytes table{};  // where the container has one
  std::optional<Bytes> runtime_data{};
};

Result<Given> read_report(const extreq_request& request) {
  EXTREQ_TRY_ASSIGN(const auto bytes, view(request.report, request.report_size, "report"));
  EXTREQ_TRY_ASSIGN(const auto report, Report::parse(bytes));
  return Given{report};
}

Result<std::optional<EvidenceFormat>> evidence_format(int given) {
  switch (given) {
    case EXTREQ_FORMAT_AUTO:
      return std::nullopt;
    case EXTREQ_FORMAT_RAW:
      return EvidenceFormat::raw;
    case EXTREQ_FORMAT_EXTENDED:
      return EvidenceFormat::extended;
    case EXTREQ_FORMAT_IOCTL:
      return EvidenceFormat::ioctl;
    case EXTREQ_FORMAT_HCL:
      return EvidenceFormat::hcl;
    case EXTREQ_FORMAT_JSON:
      return EvidenceFormat::json;
    default:
      return fail(Code::invalid_input, "format: {} is no enum extreq_format", given);
  }
}

Result<Given> read_container(const extreq_evidence* given, const extreq_request& request) {
  EXTREQ_TRY_ASSIGN(const auto evidence, known_part(given, "extreq_evidence"));
  if (request.report != nullptr || request.report_size != 0) {
    return fail(Code::invalid_input, "report: not NULL, beside evidence with a report of its own");
  }
  EXTREQ_TRY_ASSIGN(const auto format, evidence_format(evidence.format));
  EXTREQ_TRY_ASSIGN(const auto bytes, view(evidence.bytes, evidence.size, "evidence"));
  EXTREQ_TRY_ASSIGN(auto parsed, parse_evidence(bytes, format));
  return Given{parsed.report, parsed.table ? bytes_of(*parsed.table) : Bytes(),
               std::move(parsed.runtime_data)};
}

Status verify_given(const extreq_verifier& with, Given given, const extreq_request& request,
                    extreq_result** result) {
  EXTREQ_TRY_ASSIGN(
      auto certificates,
      read_certificates(request.certificates, request.certificates_size, "certificates"));
  certificates.insert(certificates.end(), with.certificates.begin(), with.certificates.end());
  EXTREQ_TRY_ASSIGN(auto table, view(request.certificate_table, request.certificate_table_size,
                                     "certificate_table"));
  if (table.empty()) table = given.table;
  EXTREQ_TRY_ASSIGN(const auto endorsement,
                    with.verifier.endorsement(given.report.signing_key(), table, certificates));
  auto asked = read_expectations(with.expectations, request);
  asked.runtime_data = std::move(given.runtime_data);
  EXTREQ_TRY_ASSIGN(const auto expectations, with.verifier.with_table(asked, table, *endorsement));
  auto verification =
      verify(given.report, *endorsement, std::chrono::sys_seconds(std::chrono::seconds(request.at)),
             expectations);
  std::string text = summary(verification);
  *result = new extreq_result{std::move(verification), std::move(text)};
  return {};
}

Status verify_request(const extreq_verifier& with, const extreq_request* given,
                      extreq_result** result) {
  EXTREQ_TRY_ASSIGN(const auto request, known_part(given, "extreq_request"));
  EXTREQ_TRY_ASSIGN(auto report, read_report(request));
  return verify_given(with, std::move(report), request, result);
}

Status verify_container(const extreq_verifier& with, const extreq_evidence* evidence,
                        const extreq_request* given, extreq_result** result) {
  EXTREQ_TRY_ASSIGN(const auto request, known_part(given, "extreq_request"));
  EXTREQ_TRY_ASSIGN(auto report, read_container(evidence, request));
  return verify_given(with, std::move(report), request, result);
}

}  // namespace
}  // namespace extreq::attestation

using extreq::attestation::CheckState;
using extreq::attestation::Verdict;

std::uint32_t extreq_verify_version(void) { return EXTREQ_VERIFY_VERSION; }

int extreq_verifier_create(const extreq_verifier_options* options, extreq_verifier** verifier,
                           extreq_error* error) {
  using namespace extreq::attestation;  // NOLINT(google-build-using-namespace)
  if (verifier == nullptr) return tell(error, EXTREQ_INVALID_INPUT, "verifier: NULL");
  *verifier = nullptr;
  return guarded(error, [&] { return create(options, verifier); });
}

void extreq_verifier_free(extreq_verifier* verifier) { delete verifier; }

int extreq_verify(const extreq_verifier* verifier, const extreq_request* request,
                  extreq_result** result, extreq_error* error) {
  using namespace extreq::attestation;  // NOLINT(google-build-using-namespace)
  if (result == nullptr) return tell(error, EXTREQ_INVALID_INPUT, "result: NULL");
  *result = nullptr;
  if (verifier == nullptr) return tell(error, EXTREQ_INVALID_INPUT, "verifier: NULL");
  return guarded(error, [&] { return verify_request(*verifier, request, result); });
}

int extreq_verify_evidence(const extreq_verifier* verifier, const extreq_evidence* evidence,
                           const extreq_request* request, extreq_result** result,
                           extreq_error* error) {
  using namespace extreq::attestation;  // NOLINT(google-build-using-namespace)
  if (result == nullptr) return tell(error, EXTREQ_INVALID_INPUT, "result: NULL");
  *result = nullptr;
  if (verifier == nullptr) return tell(error, EXTREQ_INVALID_INPUT, "verifier: NULL");
  return guarded(error, [&] { return verify_container(*verifier, evidence, request, result); });
}

int extreq_result_verdict(const extreq_result* result) {
  switch (result->verification.verdict) {
    case Verdict::genuine:
      return EXTREQ_GENUINE;
    case Verdict::not_acceptable:
      return EXTREQ_NOT_ACCEPTABLE;
    case Verdict::not_genuine:
      break;
  }
  return EXTREQ_NOT_GENUINE;
}

const char* extreq_result_summary(const extreq_result* result) { return result->summary.c_str(); }

std::size_t extreq_result_check_count(const extreq_result* result) {
  return result->verification.checks.size();
}

int extreq_result_check(const extreq_result* result, std::size_t index, extreq_check* check) {
  if (check == nullptr || index >= result->verification.checks.size()) return EXTREQ_INVALID_INPUT;
  const auto& found = result->verification.checks[index];
  check->name = extreq::attestation::kind_of(found.id).name.data();  // literals: they end with zero
  check->state = found.state == CheckState::passed   ? EXTREQ_PASSED
                 : found.state == CheckState::failed ? EXTREQ_FAILED
                                                     : EXTREQ_NOT_DONE;
  check->why = found.why.c_str();
  return EXTREQ_OK;
}

void extreq_result_free(extreq_result* result) { delete result; }
