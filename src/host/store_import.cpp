#include "host/store_import.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "base/try.hpp"
#include "host/certificate_check.hpp"
#include "host/crl_check.hpp"

namespace extreq::host {
namespace {

using attestation::Chain;
using attestation::Role;
using crypto::Certificate;

class Import {
 public:
  Import(CertificateStore& store, std::span<const Certificate> certificates,
         std::span<const ImportedList> lists, const attestation::TrustAnchors& anchors,
         std::chrono::sys_seconds now)
      : store_(store), certificates_(certificates), lists_(lists), anchors_(anchors), now_(now) {}

  Result<ImportResult> run() {
    // Chains first: leaves may need what a later file brings.
    for (const Certificate& certificate : certificates_) EXTREQ_TRY(add_intermediate(certificate));
    for (const Certificate& certificate : certificates_) EXTREQ_TRY(add_leaf(certificate));
    for (const ImportedList& list : lists_) EXTREQ_TRY(add_list(list));
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

  Status add_list(const ImportedList& imported) {
    std::string why = "no root of that name is imported, stored or named";
    for (const auto product : {attestation::Product::milan, attestation::Product::genoa,
                               attestation::Product::turin, attestation::Product::venice}) {
      if (!names_root_of(imported.list, product, imported.kind)) continue;
      const auto crl =
          check_crl(imported.list, product, imported.kind, candidates(product, imported.kind),
                    anchors_, now_, Freshness::valid_now);
      if (!crl) {
        why = crl.error().message;
        continue;
      }
      EXTREQ_TRY_ASSIGN(const PutCrl put, store_.put_crl(*crl));
      if (put == PutCrl::stored) {
        result_.stored.push_back(to_text(*crl));
      } else {
        result_.refused.push_back(to_text(*crl) + ": the store has a newer one");
      }
      return {};
    }
    result_.refused.push_back(
        fmt::format("the CRL in the name of \"{}\": {}", imported.list.issuer(), why));
    return {};
  }

  // Whether a candidate for the list's issuer is at hand, trusted or not.
  bool names_root_of(const crypto::RevocationList& list, attestation::Product product,
                     KeyKind kind) {
    return std::ranges::any_of(candidates(product, kind), [&](const Certificate& certificate) {
      const auto subject = attestation::subject_of(certificate);
      return subject && subject->role == Role::ark && subject->product == product &&
             certificate.subject_der() == list.issuer_der();
    });
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
  std::span<const ImportedList> lists_;
  const attestation::TrustAnchors& anchors_;
  std::chrono::sys_seconds now_;
  ImportResult result_;
};

}  // namespace

Result<ImportResult> import_certificates(CertificateStore& store,
                                         std::span<const Certificate> certificates,
                                         std::span<const ImportedList> lists,
                                         const attestation::TrustAnchors& anchors,
                                         std::chrono::sys_seconds now) {
  return Import(store, certificates, lists, anchors, now).run();
}

}  // namespace extreq::host
