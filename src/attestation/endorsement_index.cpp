#include "attestation/endorsement_index.hpp"

#include <algorithm>

namespace extreq::attestation {
namespace {

using crypto::Certificate;

bool is_leaf(const Certificate& certificate) {
  const auto subject = subject_of(certificate);
  return subject && (subject->role == Role::vcek || subject->role == Role::vlek);
}

bool all_passed(const Endorsement& endorsement) {
  return std::ranges::all_of(endorsement.checks(),
                             [](const Check& check) { return check.state == CheckState::passed; });
}

}  // namespace

EndorsementIndex::Key EndorsementIndex::key_of(Role role, std::uint64_t tcb_version,
                                               ByteView chip_id) {
  Key key{};
  auto to = key.begin();
  *to++ = static_cast<std::uint8_t>(role);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    *to++ = static_cast<std::uint8_t>(tcb_version >> shift);
  }
  if (role == Role::vcek) std::ranges::copy(chip_id, to);  // a VLEK is for no one chip
  return key;
}

EndorsementIndex::EndorsementIndex(std::span<const Certificate> certificates,
                                   const TrustAnchors& anchors) {
  std::ranges::copy_if(certificates, std::back_inserter(authorities_),
                       [](const Certificate& certificate) { return !is_leaf(certificate); });
  const Verifier verifier(anchors, {.endorsements = 1, .chains = 16});  // for its chains
  std::vector<Certificate> candidates(authorities_);
  for (const Certificate& certificate : certificates) {
    if (!is_leaf(certificate)) continue;
    candidates.push_back(certificate);
    const bool vlek = subject_of(certificate)->role == Role::vlek;
    add(verifier.endorsement(vlek ? SigningKey::vlek : SigningKey::vcek, candidates));
    candidates.pop_back();
  }
}

void EndorsementIndex::add(const Verifier::SharedEndorsement& endorsement) {
  const auto& extensions = endorsement->extensions();
  if (!extensions || !endorsement->role()) return;
  const ByteView chip_id = extensions->hwid ? ByteView(*extensions->hwid) : ByteView();
  auto& kept = leaves_[key_of(*endorsement->role(), encode_tcb(extensions->tcb), chip_id)];
  if (!kept || (!all_passed(*kept) && all_passed(*endorsement))) kept = endorsement;
}

const Endorsement* EndorsementIndex::find(const Report& report) const {
  const SigningKey key = report.signing_key();
  if (key != SigningKey::vcek && key != SigningKey::vlek) return nullptr;
  const Role role = key == SigningKey::vlek ? Role::vlek : Role::vcek;
  const auto found = leaves_.find(key_of(role, report.reported_tcb(), report.chip_id()));
  return found == leaves_.end() ? nullptr : found->second.get();
}

}  // namespace extreq::attestation
