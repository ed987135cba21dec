// Scene: a platform whose report is genuine, and knobs to spoil each part of it. For tests.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attestation/test_evidence.hpp"
#include "attestation/verification.hpp"

namespace extreq::attestation::test {

struct Scene {
  explicit Scene(Product which)
      : product(which), authority(which), root(authority.ark()), fields(report_fields(which)) {
    certificates = {authority.vcek(tcb(which), chip_id(which)), authority.ask(), root};
    EXPECT_TRUE(anchors.add(root));
  }

  void use_vlek() {
    certificates = {authority.vlek(tcb(product), "provider"), authority.asvk(), root};
    fields.key_info = abi::snp::key_info::signing_key_vlek << abi::snp::key_info::signing_key_shift;
  }

  void replace_vcek(const Change& change) {
    certificates[0] = authority.vcek(tcb(product), chip_id(product), change);
  }

  [[nodiscard]] Verification verify() const {
    const auto report = Report::parse(sign(fields)).value();
    return attestation::verify({report, certificates, anchors, at, expectations});
  }

  Product product;
  Authority authority;
  crypto::Certificate root;
  abi::snp::AttestationReport fields;
  std::vector<crypto::Certificate> certificates;
  TrustAnchors anchors;
  std::chrono::sys_seconds at = now();
  Expectations expectations;
};

// The checks in that state, by name.
inline std::vector<std::string> names(const Verification& verification, CheckState state) {
  std::vector<std::string> result;
  for (const Check& check : verification.checks) {
    if (check.state == state) result.emplace_back(kind_of(check.id).name);
  }
  return result;
}

inline std::vector<std::string> failures(const Verification& verification) {
  return names(verification, CheckState::failed);
}

}  // namespace extreq::attestation::test
