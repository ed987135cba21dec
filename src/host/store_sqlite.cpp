#include "host/store_sqlite.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::host {
namespace {

using attestation::Product;
using crypto::Certificate;

constexpr std::int64_t application_id = 0x45585251;  // "EXRQ": whose file it is
constexpr std::int64_t schema_version = 1;
constexpr std::size_t crl_number_size = 20;  // RFC 5280 section 5.2.3

// Whole rows never change, but a CRL's. Times are seconds since 1970. A TCB is its 8 bytes, most
// significant first.
constexpr const char* schema = R"(
CREATE TABLE leaf(product TEXT NOT NULL, kind TEXT NOT NULL, holder BLOB NOT NULL,
  tcb BLOB NOT NULL, not_after INTEGER NOT NULL, der BLOB NOT NULL,
  PRIMARY KEY(product, kind, tcb, holder, not_after)) STRICT, WITHOUT ROWID;
CREATE TABLE authority(product TEXT NOT NULL, kind TEXT NOT NULL, sha256 BLOB NOT NULL,
  not_before INTEGER NOT NULL, der BLOB NOT NULL,
  PRIMARY KEY(product, kind, sha256)) STRICT, WITHOUT ROWID;
CREATE TABLE crl(product TEXT NOT NULL, kind TEXT NOT NULL, issuer BLOB NOT NULL,
  number BLOB NOT NULL, this_update INTEGER NOT NULL, next_update INTEGER NOT NULL,
  der BLOB NOT NULL, PRIMARY KEY(product, kind, issuer)) STRICT, WITHOUT ROWID;
)";

Bytes text_of(Product product) { return to_bytes(attestation::kds_name(product)); }
Bytes text_of(KeyKind kind) { return to_bytes(to_text(kind)); }

std::int64_t seconds_of(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }
std::chrono::sys_seconds time_of(std::int64_t seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

Bytes tcb_bytes(const attestation::Tcb& tcb) {
  Bytes bytes(sizeof(std::uint64_t));
  const std::uint64_t value = attestation::encode_tcb(tcb);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(value >> (8 * (bytes.size() - 1 - i)));
  }
  return bytes;
}

Bytes padded(ByteView number) {
  Bytes bytes(crl_number_size);
  std::ranges::copy(number, bytes.end() - static_cast<std::ptrdiff_t>(number.size()));
  return bytes;
}

Bytes without_padding(Bytes number) {
  const auto first = std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; });
  number.erase(number.begin(), std::min(first, number.end() - 1));
  return number;
}

std::string text_in(const SqliteStatement& statement, int column) {
  const Bytes bytes = statement.bytes(column);
  return {bytes.begin(), bytes.end()};
}

// The first two columns of every table. Failure: unsupported: a product of a later extreq.
Result<std::pair<Product, KeyKind>> product_and_kind(const SqliteStatement& statement) {
  EXTREQ_TRY_ASSIGN(const auto product, attestation::product_from_name(text_in(statement, 0)));
  const bool vlek = text_in(statement, 1) == to_text(KeyKind::vlek);
  return std::pair{product, vlek ? KeyKind::vlek : KeyKind::vcek};
}

std::uint64_t tcb_version_of(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return value;
}

Result<std::int64_t> pragma(SqliteDatabase& database, std::string_view name) {
  EXTREQ_TRY_ASSIGN(auto statement, database.prepare(fmt::format("PRAGMA {}", name)));
  EXTREQ_TRY(statement.step());
  return statement.integer(0);
}

Result<bool> is_new(SqliteDatabase& database) {
  EXTREQ_TRY_ASSIGN(auto statement, database.prepare("SELECT count(*) FROM sqlite_schema"));
  EXTREQ_TRY(statement.step());
  return statement.integer(0) == 0;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path) {
  EXTREQ_TRY_ASSIGN(SqliteDatabase database, SqliteDatabase::open(path));
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(database)));
  EXTREQ_TRY(store->set_up());
  return store;
}

Status SqliteStore::set_up() {
  // A reader of the header first: a file that is no database is said to be none.
  EXTREQ_TRY_ASSIGN(auto version, pragma(database_, "user_version"));
  if (version == 0) {
    EXTREQ_TRY(database_.execute("PRAGMA journal_mode = WAL"));
    EXTREQ_TRY(database_.execute("BEGIN IMMEDIATE"));  // two processes may both find it new
    const auto made = [&]() -> Status {
      EXTREQ_TRY_ASSIGN(version, pragma(database_, "user_version"));
      if (version != 0) return {};
      EXTREQ_TRY_ASSIGN(const bool fresh, is_new(database_));
      if (!fresh) {
        return fail(Code::invalid_input, "store {}: it is another program's database",
                    database_.path());
      }
      version = schema_version;
      return database_.execute(fmt::format("{}PRAGMA application_id = {}; PRAGMA user_version = {}",
                                           schema, application_id, schema_version));
    }();
    EXTREQ_TRY(database_.execute(made ? "COMMIT" : "ROLLBACK"));
    EXTREQ_TRY(made);
  }
  EXTREQ_TRY_ASSIGN(const auto application, pragma(database_, "application_id"));
  if (application != application_id) {
    return fail(Code::invalid_input, "store {}: it is another program's database",
                database_.path());
  }
  if (version != schema_version) {
    return fail(Code::unsupported, "store {}: its version is {}, this extreq knows {}",
                database_.path(), version, schema_version);
  }
  return database_.execute("PRAGMA synchronous = FULL");
}

Result<Certificate> SqliteStore::certificate_of(ByteView der) const {
  auto certificate = Certificate::from_der(der);
  if (certificate) return certificate;
  return fail(Code::invalid_input, "store {}: it is damaged: {}", database_.path(),
              certificate.error().message);
}

// Two texts, so that a holder is found by the index: a fleet has very many with one TCB.
std::string sqlite_leaves_query(bool any_holder) {
  return fmt::format(
      "SELECT der FROM leaf WHERE product = CAST(?1 AS TEXT) AND kind = CAST(?2 AS TEXT) "
      "AND tcb = ?3 {}ORDER BY not_after DESC, holder",
      any_holder ? "" : "AND holder = ?4 ");
}

Result<std::vector<Certificate>> SqliteStore::leaves(const CertificateKey& key) {
  const std::lock_guard guard(mutex_);
  const bool any_holder = key.kind == KeyKind::vlek && key.holder.empty();
  EXTREQ_TRY_ASSIGN(auto statement, database_.prepare(sqlite_leaves_query(any_holder)));
  statement.bind(1, text_of(key.product)).bind(2, text_of(key.kind)).bind(3, tcb_bytes(key.tcb));
  if (!any_holder) statement.bind(4, key.holder);
  std::vector<Certificate> found;
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return found;
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_of(statement.bytes(0)));
    found.push_back(std::move(certificate));
  }
}

Status SqliteStore::put_leaf(const CertificateKey& key, const Certificate& leaf) {
  if (key.holder.empty()) {
    return fail(Code::invalid_input, "store {}: a {} of nobody", database_.path(),
                to_text(key.kind));
  }
  const std::lock_guard guard(mutex_);
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("INSERT INTO leaf(product, kind, holder, tcb, not_after, der) VALUES("
                        "CAST(?1 AS TEXT), CAST(?2 AS TEXT), ?3, ?4, ?5, ?6) "
                        "ON CONFLICT DO NOTHING"));
  statement.bind(1, text_of(key.product)).bind(2, text_of(key.kind)).bind(3, key.holder);
  statement.bind(4, tcb_bytes(key.tcb)).bind(5, seconds_of(leaf.not_after())).bind(6, leaf.der());
  EXTREQ_TRY(statement.step());
  return {};
}

Result<std::vector<Certificate>> SqliteStore::authorities(Product product, KeyKind kind) {
  const std::lock_guard guard(mutex_);
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("SELECT der FROM authority WHERE product = CAST(?1 AS TEXT) AND kind = "
                        "CAST(?2 AS TEXT) ORDER BY not_before DESC, sha256"));
  statement.bind(1, text_of(product)).bind(2, text_of(kind));
  std::vector<Certificate> found;
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, statement.step());
    if (!row) return found;
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_of(statement.bytes(0)));
    found.push_back(std::move(certificate));
  }
}

Status SqliteStore::put_authority(Product product, KeyKind kind, const Certificate& authority) {
  const std::lock_guard guard(mutex_);
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("INSERT INTO authority(product, kind, sha256, not_before, der) VALUES("
                        "CAST(?1 AS TEXT), CAST(?2 AS TEXT), ?3, ?4, ?5) ON CONFLICT DO NOTHING"));
  statement.bind(1, text_of(product)).bind(2, text_of(kind));
  statement.bind(3, crypto::sha256(authority.der()));
  statement.bind(4, seconds_of(authority.not_before())).bind(5, authority.der());
  EXTREQ_TRY(statement.step());
  return {};
}

Result<std::optional<StoredCrl>> SqliteStore::crl(Product product, KeyKind kind, ByteView issuer) {
  const std::lock_guard guard(mutex_);
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("SELECT number, this_update, next_update, der FROM crl WHERE product = "
                        "CAST(?1 AS TEXT) AND kind = CAST(?2 AS TEXT) AND issuer = ?3"));
  statement.bind(1, text_of(product)).bind(2, text_of(kind)).bind(3, issuer);
  EXTREQ_TRY_ASSIGN(const bool row, statement.step());
  if (!row) return std::nullopt;
  return StoredCrl{product,
                   kind,
                   Bytes(issuer.begin(), issuer.end()),
                   without_padding(statement.bytes(0)),
                   time_of(statement.integer(1)),
                   time_of(statement.integer(2)),
                   statement.bytes(3)};
}

Result<PutCrl> SqliteStore::put_crl(const StoredCrl& crl) {
  if (crl.number.empty() || crl.number.size() > crl_number_size) {
    return fail(Code::invalid_input, "store {}: a CRL number of {} bytes, 1 to {} wanted",
                database_.path(), crl.number.size(), crl_number_size);
  }
  if (crl.issuer.size() != sizeof(crypto::Sha256Digest)) {
    return fail(Code::invalid_input, "store {}: a CRL's issuer of {} bytes, {} wanted",
                database_.path(), crl.issuer.size(), sizeof(crypto::Sha256Digest));
  }
  const std::lock_guard guard(mutex_);
  // One statement: no other process can come between the comparison and the change.
  EXTREQ_TRY_ASSIGN(
      auto statement,
      database_.prepare("INSERT INTO crl(product, kind, issuer, number, this_update, next_update, "
                        "der) VALUES(CAST(?1 AS TEXT), CAST(?2 AS TEXT), ?3, ?4, ?5, ?6, ?7) "
                        "ON CONFLICT DO UPDATE SET number = excluded.number, "
                        "this_update = excluded.this_update, next_update = excluded.next_update, "
                        "der = excluded.der WHERE excluded.number > crl.number OR "
                        "(excluded.number = crl.number AND "
                        "excluded.this_update >= crl.this_update) RETURNING 1"));
  statement.bind(1, text_of(crl.product)).bind(2, text_of(crl.kind)).bind(3, crl.issuer);
  statement.bind(4, padded(crl.number)).bind(5, seconds_of(crl.this_update));
  statement.bind(6, seconds_of(crl.next_update)).bind(7, crl.der);
  EXTREQ_TRY_ASSIGN(const bool stored, statement.step());
  if (stored) EXTREQ_TRY(statement.step());  // the row is returned before it is committed
  return stored ? PutCrl::stored : PutCrl::kept_newer;
}

Result<StoreContent> SqliteStore::content() {
  const std::lock_guard guard(mutex_);
  StoreContent content;
  EXTREQ_TRY(read_leaves(content));
  EXTREQ_TRY(read_authorities(content));
  EXTREQ_TRY(read_crls(content));
  return content;
}

Status SqliteStore::read_leaves(StoreContent& content) {
  EXTREQ_TRY_ASSIGN(auto rows, database_.prepare("SELECT product, kind, holder, tcb, der FROM leaf "
                                                 "ORDER BY product, kind, holder, tcb, not_after"));
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    EXTREQ_TRY_ASSIGN(const auto of, product_and_kind(rows));
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_of(rows.bytes(4)));
    const auto tcb =
        attestation::decode_tcb(tcb_version_of(rows.bytes(3)), attestation::layout_of(of.first));
    content.leaves.push_back({{of.first, of.second, rows.bytes(2), tcb}, std::move(certificate)});
  }
}

Status SqliteStore::read_authorities(StoreContent& content) {
  EXTREQ_TRY_ASSIGN(auto rows, database_.prepare("SELECT product, kind, der FROM authority "
                                                 "ORDER BY product, kind, not_before, sha256"));
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    EXTREQ_TRY_ASSIGN(const auto of, product_and_kind(rows));
    EXTREQ_TRY_ASSIGN(auto certificate, certificate_of(rows.bytes(2)));
    content.authorities.push_back({of.first, of.second, std::move(certificate)});
  }
}

Status SqliteStore::read_crls(StoreContent& content) {
  EXTREQ_TRY_ASSIGN(auto rows,
                    database_.prepare("SELECT product, kind, issuer, number, this_update, "
                                      "next_update, der FROM crl ORDER BY product, kind, issuer"));
  for (;;) {
    EXTREQ_TRY_ASSIGN(const bool row, rows.step());
    if (!row) return {};
    EXTREQ_TRY_ASSIGN(const auto of, product_and_kind(rows));
    content.crls.push_back({of.first, of.second, rows.bytes(2), without_padding(rows.bytes(3)),
                            time_of(rows.integer(4)), time_of(rows.integer(5)), rows.bytes(6)});
  }
}

}  // namespace extreq::host
