#include "host/store_import.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "base/try.hpp"
#include "host/certificate_check.hpp"

namespace extreq::host {
namespace {

using attestation::Chain;
using attestation::Role;
using crypto::Certificate;

class Import {
 public:
  Import(CertificateStore& store, std::span<const Certificate> certificates,
         const attestation::TrustAnchors& anchors, std::chrono::sys_seconds now)
      : store_(store), certificates_(certificates), anchors_(anchors), now_(now) {}

  Result<ImportResult> run() {
    // Chains first: leaves may need what a later file brings.
    for (const Certificate& certificate : certificates_) EXTREQ_TRY(add_intermediate(certificate));
    for (const Certificate& certificate : certificates_) EXTREQ_TRY(add_leaf(certificate));
    return std::move(result_);
  }

 private:
  void refuse(const Certificate& certificate, std::string_view why) {
    result_.refused.push_back(
        fmt::format("\"{}\": {}", attestation::display_name(certificate), why));
  }

  Status add_intermediate(const Certificate& certificate) {
    const auto subject = attestation::subject_of(certificate);
    if (!subject) {
      refuse(certificate, "neither ARK, ASK, ASVK, VCEK nor VLEK");
      return {};
    }
    if (!subject->product || subject->role == Role::ark) return {};
    const KeyKind kind = subject->role == Role::asvk ? KeyKind::vlek : KeyKind::vcek;
    std::optional<Certificate> root;
    for (const Certificate& candidate : candidates(*subject->product, kind)) {
      if (certificate.issued_by_name(candidate) && anchors_.find(candidate)) root = candidate;
    }
    const Chain chain(certificate, root, anchors_);
    for (const attestation::Check& check : chain.checks()) {
      if (check.state == attestation::CheckState::passed) continue;
      refuse(certificate, check.why);
      return {};
    }
    EXTREQ_TRY(store_.put_authority(*subject->product, kind, *root));
    EXTREQ_TRY(store_.put_authority(*subject->product, kind, certificate));
    result_.stored.push_back(attestation::display_name(certificate));
    return {};
  }

  Status add_leaf(const Certificate& certificate) {
    const auto subject = attestation::subject_of(certificate);
    if (!subject || (subject->role != Role::vcek && subject->role != Role::vlek)) return {};
    const auto key = key_of(certificate);
    if (!key) {
      refuse(certificate, key.error().message);
      return {};
    }
    const auto chain = check_leaf(certificate, *key, candidates(key->product, key->kind), anchors_,
                                  now_, Freshness::valid_now);
    if (!chain) {
      refuse(certificate, chain.error().message);
      return {};
    }
    EXTREQ_TRY(store_.put_authority(key->product, key->kind, chain->root));
    EXTREQ_TRY(store_.put_authority(key->product, key->kind, chain->intermediate));
    EXTREQ_TRY(store_.put_leaf(*key, certificate));
    result_.stored.push_back(to_text(*key));
    return {};
  }

  // What is imported, what is stored, and the roots that the user named.
  std::vector<Certificate> candidates(attestation::Product product, KeyKind kind) {
    std::vector<Certificate> all(certificates_.begin(), certificates_.end());
    if (const auto stored = store_.authorities(product, kind)) {
      all.insert(all.end(), stored->begin(), stored->end());
    }
    all.insert(all.end(), anchors_.named().begin(), anchors_.named().end());
    return all;
  }

  CertificateStore& store_;
  std::span<const Certificate> certificates_;
  const attestation::TrustAnchors& anchors_;
  std::chrono::sys_seconds now_;
  ImportResult result_;
};

}  // namespace

Result<ImportResult> import_certificates(CertificateStore& store,
                                         std::span<const Certificate> certificates,
                                         const attestation::TrustAnchors& anchors,
                                         std::chrono::sys_seconds now) {
  return Import(store, certificates, anchors, now).run();
}

}  // namespace extreq::host
