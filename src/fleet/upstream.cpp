#include "fleet/upstream.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "host/certificate_check.hpp"
#include "host/retry_after.hpp"

namespace extreq::fleet {
namespace {

constexpr int status_ok = 200;
constexpr int status_bad_request = 400;
constexpr int status_not_found = 404;
constexpr std::size_t leaf_limit = 1U << 16U;
constexpr std::size_t crl_limit = 1U << 20U;

using host::KdsObject;

}  // namespace

Upstream::Upstream(host::HttpClient& http, host::CertificateStore& store, MirrorRecords& records,
                   Options options)
    : http_(http), store_(store), records_(records), options_(std::move(options)) {}

std::map<int, std::uint64_t> Upstream::status_counts() const {
  const std::lock_guard lock(mutex_);
  return statuses_;
}

Result<host::HttpResponse> Upstream::ask(const host::KdsRequest& request, std::size_t size_limit) {
  EXTREQ_TRY_ASSIGN(const std::string path, host::kds_path(request));
  auto response =
      http_.get({host::kds_url(options_.base_url, path), size_limit, options_.request_timeout});
  const std::lock_guard lock(mutex_);
  ++statuses_[response ? response->status : 0];
  if (response && response->status != status_ok) {
    const auto silence = silence_of(*response).value_or(Clock::Duration::zero());
    quiet_until_ = std::max(quiet_until_, options_.clock->now() + silence);
  }
  return response;
}

std::optional<Clock::Duration> Upstream::silence_of(const host::HttpResponse& response) const {
  const auto longest = std::chrono::duration_cast<std::chrono::seconds>(options_.longest_silence);
  return host::parse_retry_after(response.retry_after, options_.clock->utc(), longest);
}

// 404 and 400 are final: the path is ours, so the service means what it names. All else may pass.
Upstream::Fetched Upstream::refused(const host::HttpResponse& response) const {
  Fetched fetched;
  fetched.problem = fmt::format("status {}", response.status);
  if (response.status == status_not_found || response.status == status_bad_request) {
    fetched.outcome.kind = Outcome::Kind::absent;
    return fetched;
  }
  fetched.outcome.kind = Outcome::Kind::again;
  fetched.outcome.silence = silence_of(response);
  return fetched;
}

Upstream::Fetched Upstream::fetch_leaf(const host::CertificateKey& key) {
  const auto response = ask({KdsObject::leaf, key}, leaf_limit);
  if (response && response->status != status_ok) return refused(*response);
  auto leaf = response ? accept(key, response->body) : tl::unexpected(response.error());
  if (leaf) return {{Outcome::Kind::stored, {}}, {}, *std::move(leaf)};
  return {{Outcome::Kind::again, {}}, leaf.error().message, {}};
}

Result<crypto::Certificate> Upstream::accept(const host::CertificateKey& key, const Bytes& body) {
  EXTREQ_TRY_ASSIGN(const auto leaf, crypto::Certificate::from_der(body));
  const auto check = [&]() -> Status {
    EXTREQ_TRY_ASSIGN(const auto authorities, store_.authorities(key.product, key.kind));
    EXTREQ_TRY(host::check_leaf(leaf, key, authorities, options_.anchors, options_.clock->utc(),
                                host::Freshness::valid_now));
    return {};
  };
  if (!check()) {  // the chain may be missing, or be another one by now
    EXTREQ_TRY(fetch_chain(key.product, key.kind));
    EXTREQ_TRY(check());
  }
  EXTREQ_TRY_ASSIGN(const auto own_key, host::key_of(leaf));  // a VLEK's says whose it is
  EXTREQ_TRY(store_.put_leaf(own_key, leaf));
  return leaf;
}

Result<Bytes> Upstream::body_of(const host::KdsRequest& request, std::size_t size_limit) {
  {
    const std::lock_guard lock(mutex_);
    const auto left = quiet_until_ - options_.clock->now();
    if (left > Clock::Duration::zero()) {
      return fail(Code::busy, "the key service wants to be left alone for another {} s",
                  std::chrono::ceil<std::chrono::seconds>(left).count());
    }
  }
  EXTREQ_TRY_ASSIGN(auto response, ask(request, size_limit));
  if (response.status == status_ok) return std::move(response.body);
  return fail(response.status == status_not_found ? Code::not_found : Code::busy,
              "the key service answered status {} to {}", response.status, host::explain(request));
}

Status Upstream::fetch_chain(attestation::Product product, host::KeyKind kind) {
  const host::KdsRequest request{KdsObject::cert_chain, {product, kind, {}, {}}};
  EXTREQ_TRY_ASSIGN(const Bytes body, body_of(request, leaf_limit));
  EXTREQ_TRY_ASSIGN(const auto chain, crypto::Certificate::from_pem_or_der(body));
  if (chain.size() != 2) {
    return fail(Code::not_genuine, "the key service's chain has {} certificates, wanted 2",
                chain.size());
  }
  if (!options_.anchors.find(chain[1])) {
    return fail(Code::not_genuine, "the key service's chain ends in {}, which is not trusted",
                chain[1].subject());
  }
  EXTREQ_TRY(chain[1].check_signed_by(chain[1]));
  EXTREQ_TRY(chain[0].check_signed_by(chain[1]));
  for (const auto& certificate : chain) {
    EXTREQ_TRY(store_.put_authority(product, kind, certificate));
  }
  return records_.put_chain(product, kind, body);
}

Result<std::vector<crypto::Certificate>> Upstream::trusted_roots(attestation::Product product,
                                                                 host::KeyKind kind) {
  EXTREQ_TRY_ASSIGN(auto roots, store_.authorities(product, kind));
  std::erase_if(roots, [this](const auto& root) {
    return !root.issued_by_name(root) || !options_.anchors.find(root);
  });
  return roots;
}

Result<crypto::Certificate> Upstream::signer_of(const crypto::RevocationList& list,
                                                attestation::Product product, host::KeyKind kind) {
  EXTREQ_TRY_ASSIGN(const auto roots, trusted_roots(product, kind));
  for (const auto& root : roots) {
    if (root.subject_der() == list.issuer_der() && root.may_sign_crls() &&
        list.check_signed_by(root)) {
      return root;
    }
  }
  return fail(Code::not_genuine, "the key service's CRL is not signed by a trusted root: {}",
              list.issuer());
}

Result<host::StoredCrl> Upstream::fetch_crl(attestation::Product product, host::KeyKind kind) {
  EXTREQ_TRY_ASSIGN(const Bytes body,
                    body_of({KdsObject::crl, {product, kind, {}, {}}}, crl_limit));
  EXTREQ_TRY_ASSIGN(const auto list, crypto::RevocationList::from_pem_or_der(body));
  auto root = signer_of(list, product, kind);
  if (!root) {  // the chain may be missing, or be another one by now
    EXTREQ_TRY(fetch_chain(product, kind));
    root = signer_of(list, product, kind);
    if (!root) return tl::unexpected(root.error());
  }
  const auto issuer = crypto::sha256(root->der());
  const host::StoredCrl crl{product,
                            kind,
                            Bytes(issuer.begin(), issuer.end()),
                            list.number().value_or(Bytes{0}),
                            list.this_update(),
                            list.next_update().value_or(list.this_update()),
                            list.der()};
  EXTREQ_TRY(store_.put_crl(crl));
  EXTREQ_TRY_ASSIGN(auto kept, store_.crl(product, kind, issuer));
  if (!kept) return fail(Code::io, "the store lost the CRL that it had taken");
  return *std::move(kept);
}

Result<std::optional<host::StoredCrl>> Upstream::stored_crl(attestation::Product product,
                                                            host::KeyKind kind) {
  EXTREQ_TRY_ASSIGN(const auto roots, trusted_roots(product, kind));
  std::optional<host::StoredCrl> newest;
  for (const auto& root : roots) {
    EXTREQ_TRY_ASSIGN(auto crl, store_.crl(product, kind, crypto::sha256(root.der())));
    if (crl && (!newest || newest->this_update < crl->this_update)) newest = std::move(crl);
  }
  return newest;
}

}  // namespace extreq::fleet
