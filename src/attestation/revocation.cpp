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

std::vector<const KnownList*> lists_by(const std::vector<KnownList>& lists,
                                       const Certificate& root) {
  std::vector<const KnownList*> result;
  for (const KnownList& known : lists) {
    if (known.list().issuer_der() == root.subject_der()) result.push_back(&known);
  }
  return result;
}

// Failure: not_genuine with the reason for which the list does not count.
Status check_list(const KnownList& known, const Certificate& root, const Revocation& revocation,
                  std::chrono::sys_seconds at) {
  const RevocationList& list = known.list();
  if (!root.may_sign_crls()) {
    return fail(Code::not_genuine, "\"{}\" may not sign revocation lists", display_name(root));
  }
  if (!known.signed_by(root)) {
    return fail(Code::not_genuine, "\"{}\" did not sign the revocation list in its name",
                display_name(root));
  }
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

}  // namespace

struct KnownList::State {
  explicit State(RevocationList given) : list(std::move(given)) {}

  RevocationList list;
  mutable std::mutex mutex;  // guards the rest
  mutable std::optional<Certificate> issuer;
  mutable bool fits = false;
};

KnownList::KnownList(RevocationList list)
    : state_(std::make_shared<const State>(std::move(list))) {}

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

Check check_revocation(std::span<const Certificate> certificates,
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
  auto lists = lists_by(revocation.lists, *root);
  if (lists.empty()) lists = lists_by(revocation.served_lists, *root);
  if (lists.empty()) {
    return no_list(revocation, explain, [&] {
      return fmt::format("no revocation list is by \"{}\"", display_name(*root));
    });
  }
  for (const KnownList* const known : lists) {
    if (const auto status = check_list(*known, *root, revocation, at); !status) {
      return failed(revocation_check, status.error().message);
    }
    for (const Certificate& certificate : certificates) {
      if (!known->list().names(certificate)) continue;
      return failed(revocation_check, fmt::format("\"{}\" is revoked", display_name(certificate)));
    }
  }
  return explain.passed(revocation_check, [&] {
    return fmt::format("{} of \"{}\", the first of {}", lists.size() == 1 ? "a list" : "lists",
                       display_name(*root), to_rfc3339(lists[0]->list().this_update()));
  });
}

}  // namespace extreq::attestation
