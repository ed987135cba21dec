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
    std::vector<Check> asked;
    attestation::check_policy({subject, leaf, &table}, &policy, asked);
    std::vector<Check> nothing_asked;
    attestation::check_policy({subject, leaf, &table}, nullptr, nothing_asked);
    require(asked.size() == nothing_asked.size(), "each check is made, whatever is asked");
    for (const Check& one : asked) require(!one.why.empty(), "each check says why");
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
