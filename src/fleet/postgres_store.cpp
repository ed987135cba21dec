#include "fleet/postgres_store.hpp"

#include <algorithm>

#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::fleet {
namespace {

using attestation::Product;
using host::KeyKind;

constexpr std::size_t number_size = 20;  // RFC 5280 section 5.2.3: at most so long
constexpr std::size_t digest_size = 32;

std::int64_t tcb_column(const attestation::Tcb& tcb) {
  return static_cast<std::int64_t>(attestation::encode_tcb(tcb));
}

std::int64_t seconds(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }

// Big-endian numbers of one length compare as bytes do. `number` has at most number_size bytes.
Bytes padded(ByteView number) {
  Bytes result(number_size);
  std::copy_backward(number.begin(), number.end(), result.end());
  return result;
}

Bytes without_padding(Bytes number) {
  auto first =
      std::find_if(number.begin(), number.end(), [](std::uint8_t byte) { return byte != 0; });
  if (first == number.end() && !number.empty()) --first;  // the number 0 is one byte
  number.erase(number.begin(), first);
  return number;
}

Result<KeyKind> kind_of(std::string_view text) {
  for (const KeyKind kind : {KeyKind::vcek, KeyKind::vlek}) {
    if (text == host::to_text(kind)) return kind;
  }
  return fail(Code::invalid_input, "the database: \"{}\" is no kind of key", text);
}

Result<crypto::Certificate> certificate_at(const PostgresRows& rows, int row, int column) {
  EXTREQ_TRY_ASSIGN(const Bytes der, rows.bytes(row, column));
  return crypto::Certificate::from_der(der);
}

Result<std::vector<crypto::Certificate>> certificates(const Result<PostgresRows>& rows) {
  if (!rows) return tl::unexpected(rows.error());
  std::vector<crypto::Certificate> result;
  for (int row = 0; row < rows->size(); ++row) {
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_at(*rows, row, 0));
    result.push_back(std::move(certificate));
  }
  return result;
}

Result<std::chrono::sys_seconds> time_at(const PostgresRows& rows, int row, int column) {
  EXTREQ_TRY_ASSIGN(const std::int64_t value, rows.integer(row, column));
  return std::chrono::sys_seconds(std::chrono::seconds(value));
}

// Columns: product, kind, issuer, number, this_update, next_update, der.
Result<host::StoredCrl> crl_at(const PostgresRows& rows, int row) {
  host::StoredCrl crl;
  EXTREQ_TRY_ASSIGN(crl.product, attestation::product_from_name(rows.text(row, 0)));
  EXTREQ_TRY_ASSIGN(crl.kind, kind_of(rows.text(row, 1)));
  EXTREQ_TRY_ASSIGN(crl.issuer, rows.bytes(row, 2));
  EXTREQ_TRY_ASSIGN(Bytes number, rows.bytes(row, 3));
  crl.number = without_padding(std::move(number));
  EXTREQ_TRY_ASSIGN(crl.this_update, time_at(rows, row, 4));
  EXTREQ_TRY_ASSIGN(crl.next_update, time_at(rows, row, 5));
  EXTREQ_TRY_ASSIGN(crl.der, rows.bytes(row, 6));
  return crl;
}

// Columns: product, kind, holder, tcb, der.
Result<host::StoredLeaf> leaf_at(const PostgresRows& rows, int row) {
  host::CertificateKey key;
  EXTREQ_TRY_ASSIGN(key.product, attestation::product_from_name(rows.text(row, 0)));
  EXTREQ_TRY_ASSIGN(key.kind, kind_of(rows.text(row, 1)));
  EXTREQ_TRY_ASSIGN(key.holder, rows.bytes(row, 2));
  EXTREQ_TRY_ASSIGN(const std::int64_t tcb, rows.integer(row, 3));
  key.tcb =
      attestation::decode_tcb(static_cast<std::uint64_t>(tcb), attestation::layout_of(key.product));
  EXTREQ_TRY_ASSIGN(auto certificate, certificate_at(rows, row, 4));
  return host::StoredLeaf{std::move(key), std::move(certificate)};
}

}  // namespace

Result<std::vector<crypto::Certificate>> PostgresStore::leaves(const host::CertificateKey& key) {
  const auto product = attestation::kds_name(key.product);
  const auto kind = host::to_text(key.kind);
  if (key.kind == KeyKind::vlek && key.holder.empty()) {
    return certificates(
        pool_.run("SELECT der FROM leaf WHERE product = $1 AND kind = $2"
                  " AND tcb = $3 ORDER BY not_after DESC",
                  {product, kind, tcb_column(key.tcb)}));
  }
  return certificates(
      pool_.run("SELECT der FROM leaf WHERE product = $1 AND kind = $2"
                " AND tcb = $3 AND holder = $4 ORDER BY not_after DESC",
                {product, kind, tcb_column(key.tcb), ByteView(key.holder)}));
}

Status PostgresStore::put_leaf(const host::CertificateKey& key, const crypto::Certificate& leaf) {
  if (key.holder.empty()) {
    return fail(Code::invalid_input, "a {} cannot be stored without its holder",
                host::to_text(key.kind));
  }
  EXTREQ_TRY(
      pool_.run("INSERT INTO leaf (product, kind, holder, tcb, not_after, der)"
                " VALUES ($1, $2, $3, $4, $5, $6)"
                " ON CONFLICT (product, kind, holder, tcb, not_after) DO NOTHING",
                {attestation::kds_name(key.product), host::to_text(key.kind), ByteView(key.holder),
                 tcb_column(key.tcb), seconds(leaf.not_after()), ByteView(leaf.der())}));
  return {};
}

Result<std::vector<crypto::Certificate>> PostgresStore::authorities(Product product, KeyKind kind) {
  return certificates(
      pool_.run("SELECT der FROM authority WHERE product = $1 AND kind = $2"
                " ORDER BY not_before DESC",
                {attestation::kds_name(product), host::to_text(kind)}));
}

Status PostgresStore::put_authority(Product product, KeyKind kind,
                                    const crypto::Certificate& authority) {
  const auto digest = crypto::sha256(authority.der());
  EXTREQ_TRY(
      pool_.run("INSERT INTO authority (product, kind, digest, not_before, der)"
                " VALUES ($1, $2, $3, $4, $5)"
                " ON CONFLICT (product, kind, digest) DO NOTHING",
                {attestation::kds_name(product), host::to_text(kind), ByteView(digest),
                 seconds(authority.not_before()), ByteView(authority.der())}));
  return {};
}

Result<std::optional<host::StoredCrl>> PostgresStore::crl(Product product, KeyKind kind,
                                                          ByteView issuer) {
  EXTREQ_TRY_ASSIGN(
      const auto rows,
      pool_.run("SELECT product, kind, issuer, number, this_update, next_update, der FROM crl"
                " WHERE product = $1 AND kind = $2 AND issuer = $3",
                {attestation::kds_name(product), host::to_text(kind), issuer}));
  if (rows.size() == 0) return std::nullopt;
  EXTREQ_TRY_ASSIGN(auto crl, crl_at(rows, 0));
  return crl;
}

Result<host::PutCrl> PostgresStore::put_crl(const host::StoredCrl& crl) {
  if (crl.number.empty() || crl.number.size() > number_size) {
    return fail(Code::invalid_input, "a CRL's number has {} bytes, wanted 1 to {}",
                crl.number.size(), number_size);
  }
  if (crl.issuer.size() != digest_size) {
    return fail(Code::invalid_input, "a CRL's issuer is named by {} bytes, wanted a SHA-256",
                crl.issuer.size());
  }
  const Bytes number = padded(crl.number);
  EXTREQ_TRY_ASSIGN(
      const auto rows,
      pool_.run("INSERT INTO crl (product, kind, issuer, number, this_update, next_update, der)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)"
                " ON CONFLICT (product, kind, issuer) DO UPDATE SET number = excluded.number,"
                " this_update = excluded.this_update, next_update = excluded.next_update,"
                " der = excluded.der"
                " WHERE crl.number < excluded.number OR (crl.number = excluded.number"
                " AND crl.this_update <= excluded.this_update)",
                {attestation::kds_name(crl.product), host::to_text(crl.kind), ByteView(crl.issuer),
                 ByteView(number), seconds(crl.this_update), seconds(crl.next_update),
                 ByteView(crl.der)}));
  return rows.affected() == 1 ? host::PutCrl::stored : host::PutCrl::kept_newer;
}

Result<host::StoreContent> PostgresStore::content() {
  host::StoreContent content;
  EXTREQ_TRY_ASSIGN(const auto leaves,
                    pool_.run("SELECT product, kind, holder, tcb, der FROM leaf"
                              " ORDER BY product, kind, holder, tcb, not_after DESC"));
  for (int row = 0; row < leaves.size(); ++row) {
    EXTREQ_TRY_ASSIGN(auto leaf, leaf_at(leaves, row));
    content.leaves.push_back(std::move(leaf));
  }
  EXTREQ_TRY_ASSIGN(const auto authorities, pool_.run("SELECT product, kind, der FROM authority"
                                                      " ORDER BY product, kind, not_before DESC"));
  for (int row = 0; row < authorities.size(); ++row) {
    EXTREQ_TRY_ASSIGN(const Product product,
                      attestation::product_from_name(authorities.text(row, 0)));
    EXTREQ_TRY_ASSIGN(const KeyKind kind, kind_of(authorities.text(row, 1)));
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_at(authorities, row, 2));
    content.authorities.push_back({product, kind, std::move(certificate)});
  }
  EXTREQ_TRY_ASSIGN(
      const auto crls,
      pool_.run("SELECT product, kind, issuer, number, this_update, next_update, der FROM crl"
                " ORDER BY product, kind, issuer"));
  for (int row = 0; row < crls.size(); ++row) {
    EXTREQ_TRY_ASSIGN(auto crl, crl_at(crls, row));
    content.crls.push_back(std::move(crl));
  }
  return content;
}

}  // namespace extreq::fleet
