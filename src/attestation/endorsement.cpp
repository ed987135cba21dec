#include "attestation/endorsement.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "attestation/model_mark.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;

std::optional<Role> leaf_role(SigningKey key) noexcept {
  if (key == SigningKey::vcek) return Role::vcek;
  if (key == SigningKey::vlek) return Role::vlek;
  return std::nullopt;
}

std::string describe(Role role, const Extensions& extensions) {
  std::string text = fmt::format("{} of a {}: {}", to_text(role), extensions.product_name,
                                 to_text(extensions.tcb));
  if (extensions.csp_id) text += fmt::format("; provider \"{}\"", *extensions.csp_id);
  return text;
}

}  // namespace

Result<std::vector<Certificate>> certificates_of(const CertificateTable& table) {
  namespace guids = abi::ghcb::certificate_table;
  std::vector<Certificate> certificates;
  for (const Guid& guid : {guids::guid_vcek, guids::guid_vlek, guids::guid_ask, guids::guid_ark}) {
    const auto data = table.find(guid);
    if (!data) continue;
    const auto found = Certificate::from_pem_or_der(*data);
    if (!found) {
      return fail(Code::invalid_input, "certificate table: the entry for {} is no certificate: {}",
                  certificate_name(guid).value_or("?"), found.error().message);
    }
    certificates.insert(certificates.end(), found->begin(), found->end());
  }
  return certificates;
}

std::optional<Certificate> Endorsement::select_leaf(SigningKey key,
                                                    std::span<const Certificate> candidates) {
  const auto wanted = leaf_role(key);
  if (!wanted) return std::nullopt;
  const auto leaf = std::ranges::find_if(candidates, [&](const Certificate& candidate) {
    const auto subject = subject_of(candidate);
    return subject && subject->role == *wanted;
  });
  if (leaf == candidates.end()) return std::nullopt;
  return *leaf;
}

Endorsement Endorsement::find(SigningKey key, std::span<const Certificate> candidates,
                              const TrustAnchors& anchors) {
  const auto leaf = select_leaf(key, candidates);
  if (leaf) return {*leaf, Chain::find(*leaf, candidates, anchors)};
  const auto wanted = leaf_role(key);
  Endorsement none;
  const std::string why = wanted ? fmt::format("no {} among the {} certificates given",
                                               to_text(*wanted), candidates.size())
                                 : "the report names no key that a certificate could be for";
  none.checks_ = {{CheckId::root_trusted, CheckState::not_done, why},
                  {CheckId::root, CheckState::not_done, why},
                  {CheckId::intermediate, CheckState::not_done, why},
                  {CheckId::leaf, CheckState::failed, why}};
  return none;
}

Endorsement::Endorsement(const Certificate& leaf, Chain chain)
    : leaf_(leaf), chain_(std::move(chain)), checks_(chain_->checks()) {
  Status status = read_leaf();
  if (status) status = check_leaf_issuer();
  if (status) {
    checks_.push_back({CheckId::leaf, CheckState::passed, describe(*role_, *extensions_)});
  } else {
    checks_.push_back({CheckId::leaf, CheckState::failed, std::move(status).error().message});
  }
  describe_certificates();
}

// What every report under this endorsement asks again.
void Endorsement::describe_certificates() {
  certificates_.push_back(*leaf_);
  if (chain_->intermediate()) certificates_.push_back(*chain_->intermediate());
  if (chain_->root()) certificates_.push_back(*chain_->root());
  for (const Certificate& certificate : certificates_) {
    all_valid_from_ = std::max(all_valid_from_, certificate.not_before());
    all_valid_until_ = std::min(all_valid_until_, certificate.not_after());
  }
  model_ = is_model_certificate(chain_->root() ? *chain_->root() : *leaf_);
  if (!extensions_) return;
  const auto stranger = std::ranges::find_if(certificates_, [&](const Certificate& certificate) {
    const auto subject = subject_of(certificate);
    return subject && subject->product && *subject->product != extensions_->product;
  });
  if (stranger != certificates_.end()) of_another_product_ = *stranger;
}

// Many reports ask, and the certificates lie apart: they are looked at only where one is not valid.
const Certificate* Endorsement::not_valid_at(std::chrono::sys_seconds at) const noexcept {
  if (all_valid_from_ <= at && at <= all_valid_until_) return nullptr;
  return &*std::ranges::find_if(certificates_, [at](const Certificate& certificate) {
    return at < certificate.not_before() || certificate.not_after() < at;
  });
}

Status Endorsement::read_leaf() {
  const auto subject = subject_of(*leaf_);
  if (!subject || (subject->role != Role::vcek && subject->role != Role::vlek)) {
    return fail(Code::not_genuine, "\"{}\" is neither VCEK nor VLEK by its common name",
                leaf_->subject());
  }
  role_ = subject->role;
  if (leaf_->is_ca()) return fail(Code::not_genuine, "\"{}\" is a CA", leaf_->subject());
  EXTREQ_TRY_ASSIGN(const auto key, leaf_->ecdsa_p384_key());
  EXTREQ_TRY_ASSIGN(auto extensions, read_extensions(*leaf_));
  if (role_ == Role::vcek && !extensions.hwid) {
    return fail(Code::not_genuine, "the VCEK has no hwID: it is for no chip");
  }
  if (role_ == Role::vlek && !extensions.csp_id) {
    return fail(Code::not_genuine, "the VLEK has no cspID: it is for no provider");
  }
  key_ = key;
  extensions_ = std::move(extensions);
  return {};
}

Status Endorsement::check_leaf_issuer() const {
  const auto& issuer = chain_->intermediate();
  const Role wanted = role_ == Role::vlek ? Role::asvk : Role::ask;
  if (!issuer) {
    return fail(Code::not_genuine, "no {} with the name \"{}\" among the certificates given",
                to_text(wanted), leaf_->issuer());
  }
  const auto subject = subject_of(*issuer);
  if (!subject || subject->role != wanted) {
    return fail(Code::not_genuine, "the {} wants an {} as its issuer, \"{}\" is none",
                to_text(*role_), to_text(wanted), display_name(*issuer));
  }
  if (!leaf_->issued_by_name(*issuer)) {
    return fail(Code::not_genuine, "the issuer of the {} is \"{}\", the {} given is \"{}\"",
                to_text(*role_), leaf_->issuer(), to_text(wanted), issuer->subject());
  }
  return leaf_->check_signed_by(*issuer);
}

}  // namespace extreq::attestation
