// Policy files: attestation::parse_policy(), explain() and the checks that come of them.
#include "attestation/policy_file.hpp"
#include "fuzz/input.hpp"

namespace extreq::fuzz {
namespace {

using attestation::Check;

attestation::Report report() {
  Bytes bytes(attestation::Report::size);
  bytes[0] = 5;
  return attestation::Report::parse(bytes).value();
}

void check(const attestation::Policy& policy) {
  static const attestation::Report subject = report();
  static const attestation::CertificateTable table;
  require(!attestation::explain(policy).empty(), "a policy is explained");
  attestation::Extensions extensions{};
  for (const auto product : {attestation::Product::genoa, attestation::Product::turin}) {
    extensions.product = product;
    const std::optional<attestation::Extensions> leaf = extensions;
    const attestation::PolicySubject of{subject, leaf, &table};
    std::vector<Check> asked;
    attestation::check_policy(of, &policy, {.all = true}, asked);
    std::vector<Check> wordless;
    attestation::check_policy(of, &policy, {.all = false}, wordless);
    std::vector<Check> nothing_asked;
    attestation::check_policy(of, nullptr, {.all = true}, nothing_asked);
    require(asked.size() == nothing_asked.size() && asked.size() == wordless.size(),
            "each check is made, whatever is asked");
    for (std::size_t i = 0; i < asked.size(); ++i) {
      require(!asked[i].why.empty(), "each check says why");
      const bool failed = asked[i].state == attestation::CheckState::failed;
      require(asked[i].id == wordless[i].id && asked[i].state == wordless[i].state &&
                  wordless[i].why == (failed ? asked[i].why : ""),
              "words that nobody wants are left out, and change no answer");
    }
  }
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  const auto policy = attestation::parse_policy(ByteView(data, size));
  if (policy) {
    fuzz::check(*policy);
    return 0;
  }
  fuzz::require(policy.error().code == Code::invalid_input, "a policy fails in one way");
  fuzz::require(!policy.error().message.empty(), "a failure has words");
  return 0;
}
