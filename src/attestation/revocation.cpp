#include "attestation/revocation.hpp"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "attestation/time_text.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

using crypto::Certificate;
using crypto::RevocationList;

constexpr CheckId revocation_check = CheckId::revocation;

template <std::invocable Why>
Check no_list(const Revocation& revocation, Explain explain, const Why& why) {
  if (revocation.mode == RevocationMode::required) return failed(revocation_check, why());
  return explain.not_done(revocation_check, why);
}

// Big-endian numbers; leading zeros do not count.
bool below(ByteView a, ByteView b) {
  while (!a.empty() && a[0] == 0) a = a.subspan(1);
  while (!b.empty() && b[0] == 0) b = b.subspan(1);
  if (a.size() != b.size()) return a.size() < b.size();
  return std::ranges::lexicographical_compare(a, b);
}

Status check_signer(const KnownList& known, const Certificate& root) {
  if (!root.may_sign_crls()) {
    return fail(Code::not_genuine, "\"{}\" may not sign revocation lists", display_name(root));
  }
  if (!known.signed_by(root)) {
    return fail(Code::not_genuine, "\"{}\" did not sign the revocation list in its name",
                display_name(root));
  }
  return {};
}

Status check_fresh(const RevocationList& list, const Revocation& revocation,
                   std::chrono::sys_seconds at) {
  if (at < list.this_update()) {
    return fail(Code::not_genuine, "the revocation list is of {}, later than {}",
                to_rfc3339(list.this_update()), to_rfc3339(at));
  }
  if (!list.next_update()) {
    return fail(Code::not_genuine, "the revocation list does not say until when it is fresh");
  }
  if (at > *list.next_update()) {
    return fail(Code::not_genuine, "the revocation list was fresh until {}, not at {}",
                to_rfc3339(*list.next_update()), to_rfc3339(at));
  }
  if (!revocation.known_number) return {};
  if (!list.number()) return fail(Code::not_genuine, "the revocation list has no number");
  if (below(*list.number(), *revocation.known_number)) {
    return fail(Code::not_genuine, "the revocation list has the number 0x{}, 0x{} is known",
                to_hex(*list.number()), to_hex(*revocation.known_number));
  }
  return {};
}

// What the lists by one root say about the certificates in use.
class Inquiry {
 public:
  Inquiry(SigningKey key, std::span<const Certificate> certificates, const Certificate& root,
          const Revocation& revocation, std::chrono::sys_seconds at)
      : key_(key), certificates_(certificates), root_(root), revocation_(revocation), at_(at) {}

  void ask(const KnownList& known, bool served) {
    const RevocationList& list = known.list();
    if (list.issuer_der() != root_.subject_der()) return;
    found_ = true;
    const bool for_other_key = known.key() && known.key() != key_;
    if (auto status = check_signer(known, root_); !status) {
      if (!for_other_key) note(std::move(status));
      return;
    }
    for (const Certificate& certificate : certificates_) {
      if (revoked_ == nullptr && list.names(certificate)) revoked_ = &certificate;
    }
    if (served || for_other_key) return;
    if (auto status = check_fresh(list, revocation_, at_); !status) {
      note(std::move(status));
    } else if (known.key()) {
      newest_ = std::max(newest_, std::optional(list.this_update()));
    }
  }

  [[nodiscard]] Check answer(Explain explain) const {
    if (revoked_ != nullptr) {
      return failed(revocation_check, fmt::format("\"{}\" is revoked", display_name(*revoked_)));
    }
    if (newest_) {
      return explain.passed(revocation_check, [&] {
        return fmt::format("the list for {}s by \"{}\", of {}", to_text(key_), display_name(root_),
                           to_rfc3339(*newest_));
      });
    }
    if (!problem_) return failed(revocation_check, problem_.error().message);
    return no_list(revocation_, explain, [&] {
      if (!found_) return fmt::format("no revocation list is by \"{}\"", display_name(root_));
      return fmt::format(
          "none of the revocation lists by \"{}\" is known to be the one for {}s: the others can "
          "only revoke",
          display_name(root_), to_text(key_));
    });
  }

 private:
  void note(Status status) {
    if (problem_) problem_ = std::move(status);
  }

  SigningKey key_;
  std::span<const Certificate> certificates_;
  const Certificate& root_;
  const Revocation& revocation_;
  std::chrono::sys_seconds at_;
  bool found_ = false;
  const Certificate* revoked_ = nullptr;
  std::optional<std::chrono::sys_seconds> newest_;  // of the lists for the key that count
  Status problem_;  // why the first one that may be for the key does not count
};

}  // namespace

struct KnownList::State {
  explicit State(RevocationList given) : list(std::move(given)) {}

  RevocationList list;
  mutable std::mutex mutex;  // guards the rest
  mutable std::optional<Certificate> issuer;
  mutable bool fits = false;
};

KnownList::KnownList(RevocationList list, std::optional<SigningKey> key)
    : state_(std::make_shared<const State>(std::move(list))), key_(key) {}

const RevocationList& KnownList::list() const noexcept { return state_->list; }

bool KnownList::signed_by(const Certificate& issuer) const {
  const std::lock_guard lock(state_->mutex);
  if (state_->issuer != issuer) {
    state_->fits = state_->list.check_signed_by(issuer).has_value();
    state_->issuer = issuer;
  }
  return state_->fits;
}

Result<std::optional<KnownList>> revocation_list_of(const CertificateTable& table) {
  const auto data = table.find(abi::ghcb::certificate_table::guid_crl);
  if (!data) return std::nullopt;
  auto list = RevocationList::from_pem_or_der(*data);
  if (!list) {
    return fail(list.error().code, "the table's entry CRL: {}", list.error().message);
  }
  return KnownList(std::move(*list));
}

Check check_revocation(SigningKey key, std::span<const Certificate> certificates,
                       const std::optional<Certificate>& root, const Revocation& revocation,
                       std::chrono::sys_seconds at, Explain explain) {
  if (revocation.mode == RevocationMode::off)
    return explain.not_done(revocation_check, "switched off");
  if (revocation.lists.empty() && revocation.served_lists.empty()) {
    return no_list(revocation, explain, [] { return "there is no revocation list"; });
  }
  if (!root) {
    return no_list(revocation, explain,
                   [] { return "no root that a revocation list could be of"; });
  }
  Inquiry inquiry(key, certificates, *root, revocation, at);
  for (const KnownList& known : revocation.lists) inquiry.ask(known, false);
  for (const KnownList& known : revocation.served_lists) inquiry.ask(known, true);
  return inquiry.answer(explain);
}

}  // namespace extreq::attestation
