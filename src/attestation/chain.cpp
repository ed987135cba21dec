#include "attestation/chain.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "attestation/model_mark.hpp"
#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;

struct Prefix {
  std::string_view text;
  Role role;
};

// The longer ones first: "SEV-" begins them all.
constexpr std::array authority_prefixes{Prefix{"ARK-", Role::ark}, Prefix{"SEV-VLEK-", Role::asvk},
                                        Prefix{"SEV-", Role::ask}};

std::optional<Product> product_of_name(std::string_view name) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    if (name == kds_name(product)) return product;
  }
  return std::nullopt;
}

bool has_role(const Certificate& certificate, Role role) {
  const auto subject = subject_of(certificate);
  return subject && subject->role == role;
}

Check judged(CheckId id, Status status, std::string passed) {
  if (status) return {id, CheckState::passed, std::move(passed)};
  return {id, CheckState::failed, std::move(status).error().message};
}

// What RFC 5280 section 6.1.4 asks of an issuer.
Status check_authority(const Certificate& certificate, std::uint32_t intermediates_below) {
  const auto& name = display_name(certificate);
  if (!certificate.is_ca() || !certificate.may_sign_certificates()) {
    return fail(Code::not_genuine, "\"{}\" is not a CA that may sign certificates", name);
  }
  if (const auto length = certificate.path_length(); length && *length < intermediates_below) {
    return fail(Code::not_genuine, "\"{}\" may have {} CAs below it, {} wanted", name, *length,
                intermediates_below);
  }
  return {};
}

// A root with the pinned SHA-256 is, byte for byte, the one that was found to have signed itself
// when it was pinned (RealRoots.SignThemselves in chain_test.cpp): no need to find it again.
Status check_root(const std::optional<Certificate>& root, std::optional<TrustAnchors::Kind> trust) {
  if (!root) return fail(Code::not_genuine, "no ARK among the certificates given");
  if (!has_role(*root, Role::ark)) {
    return fail(Code::not_genuine, "\"{}\" is no ARK by its common name", root->subject());
  }
  EXTREQ_TRY(check_authority(*root, 1));
  if (trust == TrustAnchors::Kind::amd) return {};
  return root->check_signed_by(*root);
}

Status check_intermediate(const std::optional<Certificate>& intermediate,
                          const std::optional<Certificate>& root) {
  if (!intermediate) return fail(Code::not_genuine, "no ASK or ASVK that fits the leaf is given");
  if (!has_role(*intermediate, Role::ask) && !has_role(*intermediate, Role::asvk)) {
    return fail(Code::not_genuine, "\"{}\" is neither ASK nor ASVK by its common name",
                intermediate->subject());
  }
  EXTREQ_TRY(check_authority(*intermediate, 0));
  if (!root) return fail(Code::not_genuine, "no ARK among the certificates given");
  if (!intermediate->issued_by_name(*root)) {
    return fail(Code::not_genuine, "the issuer of \"{}\" is \"{}\", the ARK given is \"{}\"",
                display_name(*intermediate), intermediate->issuer(), root->subject());
  }
  return intermediate->check_signed_by(*root);
}

Check check_trust(const std::optional<Certificate>& root, std::optional<TrustAnchors::Kind> trust) {
  constexpr CheckId id = CheckId::root_trusted;
  if (!root) return {id, CheckState::failed, "no ARK among the certificates given"};
  const std::string name =
      fmt::format("\"{}\", SHA-256 {}", display_name(*root), to_hex(crypto::sha256(root->der())));
  const bool model = is_model_certificate(*root);
  if (trust == TrustAnchors::Kind::amd) return {id, CheckState::passed, "AMD's " + name};
  if (trust == TrustAnchors::Kind::named) {
    return {id, CheckState::passed,
            fmt::format("{} {}; trusted because the user named it", name,
                        model ? "is the root of a software model" : "is not AMD's")};
  }
  return {id, CheckState::failed,
          fmt::format("{} {}", name,
                      model ? "is the root of a software model: it vouches for no AMD hardware and "
                              "counts only if the user names it"
                            : "is neither AMD's nor named by the user")};
}

template <class Predicate>
std::optional<Certificate> first_of(std::span<const Certificate> candidates,
                                    const Predicate& predicate) {
  const auto found = std::ranges::find_if(candidates, predicate);
  if (found == candidates.end()) return std::nullopt;
  return *found;
}

std::optional<Certificate> find_intermediate(const Certificate& leaf,
                                             std::span<const Certificate> candidates) {
  const Role wanted = has_role(leaf, Role::vlek) ? Role::asvk : Role::ask;
  auto by_name = first_of(candidates, [&](const Certificate& candidate) {
    return has_role(candidate, wanted) && leaf.issued_by_name(candidate);
  });
  if (by_name) return by_name;
  return first_of(candidates,
                  [&](const Certificate& candidate) { return has_role(candidate, wanted); });
}

std::optional<Certificate> find_root(const std::optional<Certificate>& intermediate,
                                     std::span<const Certificate> candidates,
                                     const TrustAnchors& anchors) {
  std::vector<Certificate> roots = anchors.named();
  std::ranges::copy_if(candidates, std::back_inserter(roots),
                       [](const Certificate& candidate) { return has_role(candidate, Role::ark); });
  const auto fits = [&](const Certificate& root) {
    return intermediate && intermediate->issued_by_name(root);
  };
  auto trusted = first_of(
      roots, [&](const Certificate& root) { return fits(root) && anchors.find(root).has_value(); });
  if (trusted) return trusted;
  if (auto by_name = first_of(roots, fits)) return by_name;
  return first_of(roots, [](const Certificate&) { return true; });
}

}  // namespace

std::string_view to_text(Role role) noexcept {
  switch (role) {
    case Role::ark:
      return "ARK";
    case Role::ask:
      return "ASK";
    case Role::asvk:
      return "ASVK";
    case Role::vcek:
      return "VCEK";
    case Role::vlek:
      return "VLEK";
  }
  return "unknown";
}

std::optional<Subject> subject_of(const Certificate& certificate) {
  std::string_view name = certificate.subject_common_name();
  if (name.ends_with(')')) name = name.substr(0, name.find(" ("));
  if (name == "SEV-VCEK") return Subject{Role::vcek, std::nullopt};
  if (name == "SEV-VLEK") return Subject{Role::vlek, std::nullopt};
  for (const Prefix& prefix : authority_prefixes) {
    if (!name.starts_with(prefix.text)) continue;
    if (const auto product = product_of_name(name.substr(prefix.text.size()))) {
      return Subject{prefix.role, product};
    }
  }
  return std::nullopt;
}

const std::string& display_name(const Certificate& certificate) noexcept {
  const std::string& name = certificate.subject_common_name();
  return name.empty() ? certificate.subject() : name;
}

Chain::Parts Chain::select(const Certificate& leaf, std::span<const Certificate> candidates,
                           const TrustAnchors& anchors) {
  auto intermediate = find_intermediate(leaf, candidates);
  auto root = find_root(intermediate, candidates, anchors);
  return {std::move(intermediate), std::move(root)};
}

Chain Chain::find(const Certificate& leaf, std::span<const Certificate> candidates,
                  const TrustAnchors& anchors) {
  auto parts = select(leaf, candidates, anchors);
  return {std::move(parts.intermediate), std::move(parts.root), anchors};
}

Chain::Chain(std::optional<Certificate> intermediate, std::optional<Certificate> root,
             const TrustAnchors& anchors)
    : intermediate_(std::move(intermediate)), root_(std::move(root)) {
  if (root_) trust_ = anchors.find(*root_);
  checks_.push_back(check_trust(root_, trust_));
  checks_.push_back(judged(CheckId::root, check_root(root_, trust_),
                           root_ ? fmt::format("\"{}\"", display_name(*root_)) : ""));
  checks_.push_back(
      judged(CheckId::intermediate, check_intermediate(intermediate_, root_),
             intermediate_ ? fmt::format("\"{}\"", display_name(*intermediate_)) : ""));
}

}  // namespace extreq::attestation
