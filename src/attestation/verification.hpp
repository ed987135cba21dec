// verify: is a report genuine, and is it what was asked for? (doc/verification.md)
//
// Genuine means: a key that AMD's key service (or a root that the user named) vouches for signed
// exactly these bytes, for this chip and this REPORTED_TCB. It does not mean that the guest is
// good: that is for the acceptance checks. The result lists every check as passed, failed or not
// done; there is no good verdict with a needed check left out. Threading: pure functions; const
// objects may be used from any number of threads.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "attestation/endorsement.hpp"
#include "attestation/policy.hpp"
#include "attestation/revocation.hpp"

namespace extreq::attestation {

// What the user asks of a report. Nothing asked, nothing checked, except that a report which the
// host asked for is refused.
struct Expectations {
  std::optional<abi::ByteArray<64>> report_data;
  std::shared_ptr<const Policy> policy{};                       // nullptr: none
  Revocation revocation{};                                      // for `genuine`
  std::shared_ptr<const CertificateTable> certificate_table{};  // for the policy's rules about it
  // What came beside the report, for `genuine`: REPORT_DATA must begin with its SHA-256
  // (doc/evidence.md).
  std::optional<Bytes> runtime_data{};
  bool explain_all = true;  // false: Check::why stays empty but where a check failed; it is cheaper
};

// The same where the evidence brought a table: the policy's rules about it are checked, and its
// revocation list may revoke. Failure: invalid_input, as
// revocation_list_of(), unless the mode is off.
[[nodiscard]] Result<Expectations> with_table(Expectations expectations, CertificateTable table);

enum class Verdict : std::uint8_t {
  genuine,         // and acceptable, as far as something was asked
  not_genuine,     // do not use the report
  not_acceptable,  // genuine, but not what was asked for
};

// "genuine", "not genuine", "genuine, but not acceptable"
[[nodiscard]] std::string_view to_text(Verdict verdict) noexcept;

struct Verification {
  Verdict verdict = Verdict::not_genuine;
  std::vector<Check> checks;                     // one for each CheckId, in order
  SigningKey signing_key = SigningKey::unknown;  // as the report says
  std::optional<Product> product;                // of the leaf
  std::string root;                              // as display_name() has it; empty without one
  std::optional<TrustAnchors::Kind> trust;       // nullopt: the root is not trusted
  bool model = false;                            // the certificates are those of a software model

  [[nodiscard]] const Check& check(CheckId id) const noexcept {
    return checks[static_cast<std::size_t>(id)];
  }
};

// One report under an endorsement that may serve many. `at`: when the certificates must be valid.
[[nodiscard]] Verification verify(const Report& report, const Endorsement& endorsement,
                                  std::chrono::sys_seconds at, const Expectations& expectations);

// The same for callers that check the signatures of many reports at once: `signature_fits` is what
// EcdsaP384PublicKey::verify_digest() would say to signature_question(report, endorsement), its
// message's SHA-384 taken. It
// counts only where there is such a question.
[[nodiscard]] Verification verify(const Report& report, const Endorsement& endorsement,
                                  std::chrono::sys_seconds at, const Expectations& expectations,
                                  bool signature_fits);

// Lifetime: `key` lives as long as the endorsement, `message` as long as the report.
struct SignatureQuestion {
  const crypto::EcdsaP384PublicKey* key;
  ByteView message;
  crypto::EcdsaP384Signature signature;
};

// nullopt: the endorsement has no key, or the report's signature is malformed.
[[nodiscard]] std::optional<SignatureQuestion> signature_question(const Report& report,
                                                                  const Endorsement& endorsement);

// Lifetime: what it refers to must live until verify() returns.
struct VerificationInput {
  const Report& report;
  std::span<const crypto::Certificate> certificates;  // in order of preference
  const TrustAnchors& anchors;
  std::chrono::sys_seconds at;
  Expectations expectations;
};

// Endorsement::find() for the report's SIGNING_KEY, then as above.
[[nodiscard]] Verification verify(const VerificationInput& input);

// The closing sentence: the verdict, whose root it rests on, what failed, and what was not checked.
[[nodiscard]] std::string summary(const Verification& verification);

}  // namespace extreq::attestation
