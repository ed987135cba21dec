#include "host/provider.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/try.hpp"
#include "crypto/hash.hpp"
#include "host/crl_check.hpp"

namespace extreq::host {
namespace {

using crypto::Certificate;

// The loaded VLEK is one provider's, and the platform does not say whose: with certificates of
// several at hand, a guess could be a certificate that does not fit the reports.
Status check_one_holder(const std::vector<Certificate>& leaves) {
  std::set<std::string> holders;
  for (const Certificate& leaf : leaves) {
    const auto found = key_of(leaf);
    if (found) holders.emplace(found->holder.begin(), found->holder.end());
  }
  if (holders.size() <= 1) return {};
  return fail(Code::unsupported,
              "the store has VLEKs of {} and {} for this TCB, and the platform does not say whose "
              "is loaded: name the provider (--csp-id)",
              *holders.begin(), *holders.rbegin());
}

}  // namespace

TableProvider::TableProvider(CertificateStore& store, KdsClient* kds,
                             attestation::TrustAnchors anchors, ProviderOptions options)
    : store_(store), kds_(kds), anchors_(std::move(anchors)), options_(std::move(options)) {}

CertificateProvider TableProvider::provider(AskFirst first) {
  return [this, first](const SigningState& state) { return table_for(state, first); };
}

Result<Bytes> TableProvider::table_for(const SigningState& state, AskFirst first) {
  EXTREQ_TRY(check_vlek_provider(state));
  EXTREQ_TRY_ASSIGN(const CertificateKey key, key_for(state));
  const bool fresh = first == AskFirst::key_service_for_vlek && key.kind == KeyKind::vlek;
  EXTREQ_TRY_ASSIGN(TableParts parts, fresh ? fresh_parts_for(key) : parts_for(key));
  parts.crl = fresh_crl(key, parts.root);
  return make_table(parts, options_.table_size_limit);
}

Status TableProvider::prefetch(const CertificateKey& key) {
  EXTREQ_TRY(parts_for(key));
  return {};
}

Result<TableParts> TableProvider::parts_for(const CertificateKey& key) {
  auto stored = from_store(key);
  // A store that fails is no reason to leave the guests without; it is one to say so if the key
  // service fails too.
  if (stored || stored.error().code == Code::unsupported) return stored;
  if (kds_ == nullptr) {
    return fail(stored.error().code, "{}; no key service is asked", stored.error().message);
  }
  auto fetched = from_kds(key, options_.clock->now() + options_.max_wait);
  if (fetched) return fetched;
  return fail(fetched.error().code, "{}; {}", fetched.error().message, stored.error().message);
}

Result<TableParts> TableProvider::fresh_parts_for(const CertificateKey& key) {
  if (kds_ == nullptr) return parts_for(key);
  auto fetched = from_kds(key, options_.clock->now() + options_.max_wait);
  // Only silence lets the store serve. A refusal or a wrong answer says that something is not as
  // it should be with this provider and TCB.
  if (fetched || fetched.error().code != Code::busy) return fetched;
  auto stored = from_store(key);
  if (stored) return stored;
  return fail(fetched.error().code, "{}; {}", fetched.error().message, stored.error().message);
}

Result<TableParts> TableProvider::from_store(const CertificateKey& key) {
  EXTREQ_TRY_ASSIGN(const auto leaves, store_.leaves(key));
  if (leaves.empty()) return fail(Code::not_found, "the store has no {}", to_text(key));
  EXTREQ_TRY(check_one_holder(leaves));
  EXTREQ_TRY_ASSIGN(const auto authorities, store_.authorities(key.product, key.kind));
  Error last{Code::not_found, {}};
  for (const Certificate& leaf : leaves) {
    auto chain =
        check_leaf(leaf, key, authorities, anchors_, options_.clock->utc(), Freshness::not_expired);
    if (chain) {
      return TableParts{key.kind, leaf, std::move(chain->intermediate), std::move(chain->root), {}};
    }
    last.message = "the store's is not to be served: " + chain.error().message;
  }
  return tl::unexpected(std::move(last));
}

Result<std::vector<Certificate>> TableProvider::fetch_authorities(const CertificateKey& key,
                                                                  Clock::TimePoint deadline) {
  return kds_->cert_chain(key.product, key.kind, deadline - options_.clock->now());
}

Result<TableParts> TableProvider::from_kds(const CertificateKey& key, Clock::TimePoint deadline) {
  Clock& clock = *options_.clock;
  EXTREQ_TRY_ASSIGN(const Certificate leaf, kds_->leaf(key, deadline - clock.now()));
  // The chain that is stored serves as long as it fits: one request less.
  auto authorities = store_.authorities(key.product, key.kind).value_or(std::vector<Certificate>());
  auto chain = check_leaf(leaf, key, authorities, anchors_, clock.utc(), Freshness::valid_now);
  if (!chain) {
    EXTREQ_TRY_ASSIGN(authorities, fetch_authorities(key, deadline));
    chain = check_leaf(leaf, key, authorities, anchors_, clock.utc(), Freshness::valid_now);
  }
  if (!chain) return fail(Code::not_genuine, "KDS: {}", chain.error().message);
  EXTREQ_TRY_ASSIGN(const CertificateKey found, key_of(leaf));
  // A store that cannot be written is no reason to serve nothing. The next request asks again.
  auto kept = store_.put_authority(key.product, key.kind, chain->root);
  if (kept) kept = store_.put_authority(key.product, key.kind, chain->intermediate);
  if (kept) kept = store_.put_leaf(found, leaf);
  if (!kept && options_.on_store_failure) options_.on_store_failure(kept.error());
  return TableParts{key.kind, leaf, std::move(chain->intermediate), std::move(chain->root), {}};
}

// A list that is not to be served is left out: verifiers that want one fetch it.
Bytes TableProvider::fresh_crl(const CertificateKey& key, const Certificate& root) {
  const auto stored = store_.crl(key.product, key.kind, crypto::sha256(root.der()));
  if (!stored || !*stored) return {};
  const auto list = crypto::RevocationList::from_pem_or_der((*stored)->der);
  if (!list || !check_crl(*list, key.product, key.kind, {&root, 1}, anchors_, options_.clock->utc(),
                          Freshness::not_expired)) {
    return {};
  }
  return list->der();
}

}  // namespace extreq::host
