// SqliteStore: CertificateStore in one file (doc/store.md has its tables).
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "host/sqlite.hpp"
#include "host/store.hpp"

namespace extreq::host {

inline constexpr std::string_view default_store_path = "/var/lib/extreq/certificates.db";

// The text that SqliteStore::leaves() prepares: the leaves of one holder, or of all.
[[nodiscard]] std::string sqlite_leaves_query(bool any_holder);

// Threading: any thread; any number of processes may have the file open.
class SqliteStore final : public CertificateStore {
 public:
  // Effect: opens the file, or makes it (mode 0640; its folder must exist).
  // Failure: not_found: no such folder; invalid_input: no database, damaged, or another program's;
  // unsupported: a later extreq made it; busy; io.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::string& path);

  [[nodiscard]] Result<std::vector<crypto::Certificate>> leaves(const CertificateKey& key) override;
  [[nodiscard]] Status put_leaf(const CertificateKey& key,
                                const crypto::Certificate& leaf) override;
  [[nodiscard]] Result<std::vector<crypto::Certificate>> authorities(attestation::Product product,
                                                                     KeyKind kind) override;
  [[nodiscard]] Status put_authority(attestation::Product product, KeyKind kind,
                                     const crypto::Certificate& authority) override;
  [[nodiscard]] Result<std::optional<StoredCrl>> crl(attestation::Product product, KeyKind kind,
                                                     ByteView issuer) override;
  [[nodiscard]] Result<PutCrl> put_crl(const StoredCrl& crl) override;
  [[nodiscard]] Result<StoreContent> content() override;

 private:
  explicit SqliteStore(SqliteDatabase database) : database_(std::move(database)) {}
  [[nodiscard]] Status set_up();
  [[nodiscard]] Result<crypto::Certificate> certificate_of(ByteView der) const;
  [[nodiscard]] Status read_leaves(StoreContent& content);
  [[nodiscard]] Status read_authorities(StoreContent& content);
  [[nodiscard]] Status read_crls(StoreContent& content);

  std::mutex mutex_;  // guards the connection
  SqliteDatabase database_;
};

}  // namespace extreq::host
