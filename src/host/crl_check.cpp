#include "host/crl_check.hpp"

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "attestation/time_text.hpp"
#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::host {
namespace {

using attestation::Product;
using crypto::Certificate;
using crypto::RevocationList;

bool is_root_of(const Certificate& certificate, Product product,
                const attestation::TrustAnchors& anchors) {
  const auto subject = attestation::subject_of(certificate);
  return subject && subject->role == attestation::Role::ark && subject->product == product &&
         anchors.find(certificate);
}

Result<Certificate> signer_of(const RevocationList& list, Product product,
                              std::span<const Certificate> authorities,
                              const attestation::TrustAnchors& anchors) {
  std::string why = "no trusted root has that name";
  for (const auto& candidates : {authorities, std::span<const Certificate>(anchors.named())}) {
    for (const Certificate& root : candidates) {
      if (!is_root_of(root, product, anchors) || root.subject_der() != list.issuer_der()) continue;
      if (!root.may_sign_crls()) {
        why = "that root may not sign lists";
      } else if (!list.check_signed_by(root)) {
        why = "the trusted root of that name did not sign it";
      } else {
        return root;
      }
    }
  }
  return fail(Code::not_genuine, "the {} CRL in the name of \"{}\": {}",
              attestation::kds_name(product), list.issuer(), why);
}

Status check_time(const RevocationList& list, std::chrono::sys_seconds now, Freshness freshness) {
  if (!list.next_update()) {
    return fail(Code::not_genuine, "the CRL does not say until when it is fresh");
  }
  if (now > *list.next_update()) {
    return fail(Code::not_genuine, "the CRL was fresh until {}; it is {}",
                attestation::to_rfc3339(*list.next_update()), attestation::to_rfc3339(now));
  }
  if (freshness == Freshness::valid_now && now < list.this_update()) {
    return fail(Code::not_genuine, "the CRL is of {}; this machine's clock says {}: is it right?",
                attestation::to_rfc3339(list.this_update()), attestation::to_rfc3339(now));
  }
  return {};
}

}  // namespace

Result<StoredCrl> check_crl(const RevocationList& list, Product product, KeyKind kind,
                            std::span<const Certificate> authorities,
                            const attestation::TrustAnchors& anchors, std::chrono::sys_seconds now,
                            Freshness freshness) {
  EXTREQ_TRY_ASSIGN(const Certificate root, signer_of(list, product, authorities, anchors));
  EXTREQ_TRY(check_time(list, now, freshness));
  if (!list.number()) {
    return fail(Code::not_genuine, "the CRL of \"{}\" has no number: it could be any older one",
                list.issuer());
  }
  const auto issuer = crypto::sha256(root.der());
  return StoredCrl{product,
                   kind,
                   Bytes(issuer.begin(), issuer.end()),
                   *list.number(),
                   list.this_update(),
                   *list.next_update(),
                   list.der()};
}

std::string to_text(const StoredCrl& crl) {
  return fmt::format("{} CRL for {}s, number 0x{}, until {}", attestation::kds_name(crl.product),
                     to_text(crl.kind), to_hex(crl.number),
                     attestation::to_rfc3339(crl.next_update));
}

}  // namespace extreq::host
