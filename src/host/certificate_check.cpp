#include "host/certificate_check.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "attestation/endorsement.hpp"
#include "attestation/time_text.hpp"
#include "base/try.hpp"

namespace extreq::host {
namespace {

using crypto::Certificate;

Status check_key(const Certificate& leaf, CertificateKey wanted) {
  const auto found = key_of(leaf);
  if (!found) return fail(Code::not_genuine, "{}", found.error().message);
  if (wanted.kind == KeyKind::vlek && wanted.holder.empty()) wanted.holder = found->holder;
  if (*found == wanted) return {};
  return fail(Code::not_genuine, "a {}, wanted a {}", to_text(*found), to_text(wanted));
}

Status check_time(const Certificate& certificate, std::chrono::sys_seconds now,
                  Freshness freshness) {
  if (now > certificate.not_after()) {
    return fail(Code::not_genuine, "\"{}\" expired at {}; it is {}",
                attestation::display_name(certificate),
                attestation::to_rfc3339(certificate.not_after()), attestation::to_rfc3339(now));
  }
  if (freshness == Freshness::valid_now && now < certificate.not_before()) {
    return fail(Code::not_genuine,
                "\"{}\" is not valid before {}; this machine's clock says {}: is it right?",
                attestation::display_name(certificate),
                attestation::to_rfc3339(certificate.not_before()), attestation::to_rfc3339(now));
  }
  return {};
}

}  // namespace

Result<CheckedChain> check_leaf(const Certificate& leaf, const CertificateKey& key,
                                std::span<const Certificate> authorities,
                                const attestation::TrustAnchors& anchors,
                                std::chrono::sys_seconds now, Freshness freshness) {
  EXTREQ_TRY(check_key(leaf, key));
  const attestation::Endorsement endorsement(leaf,
                                             attestation::Chain::find(leaf, authorities, anchors));
  for (const attestation::Check& check : endorsement.checks()) {
    if (check.state == attestation::CheckState::passed) continue;
    return fail(Code::not_genuine, "{}: {}", to_text(key), check.why);
  }
  const auto& chain = *endorsement.chain();
  for (const Certificate* certificate : {&leaf, &*chain.intermediate(), &*chain.root()}) {
    EXTREQ_TRY(check_time(*certificate, now, freshness));
  }
  const auto subject = attestation::subject_of(*chain.intermediate());
  if (!subject || subject->product != key.product) {
    return fail(Code::not_genuine, "{}: its issuer \"{}\" is another product's", to_text(key),
                attestation::display_name(*chain.intermediate()));
  }
  return CheckedChain{*chain.intermediate(), *chain.root()};
}

}  // namespace extreq::host
