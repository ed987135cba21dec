// PostgresStore: the certificates of a fleet, in PostgreSQL or what speaks its protocol.
//
// A TCB is kept as TCB_VERSION in the product's layout, times as seconds since 1970. A lost
// connection and a restarted server cost time, no data (postgres_pool.hpp): all that is written is
// written in one statement that does nothing the second time.
#pragma once

#include "fleet/postgres_pool.hpp"
#include "host/store.hpp"

namespace extreq::fleet {

class PostgresStore final : public host::CertificateStore {
 public:
  // `pool` must outlive the store; migrate() was called on it.
  explicit PostgresStore(PostgresPool& pool) noexcept : pool_(pool) {}

  [[nodiscard]] Result<std::vector<crypto::Certificate>> leaves(
      const host::CertificateKey& key) override;
  [[nodiscard]] Status put_leaf(const host::CertificateKey& key,
                                const crypto::Certificate& leaf) override;
  [[nodiscard]] Result<std::vector<crypto::Certificate>> authorities(attestation::Product product,
                                                                     host::KeyKind kind) override;
  [[nodiscard]] Status put_authority(attestation::Product product, host::KeyKind kind,
                                     const crypto::Certificate& authority) override;
  [[nodiscard]] Result<std::optional<host::StoredCrl>> crl(attestation::Product product,
                                                           host::KeyKind kind,
                                                           ByteView issuer) override;
  [[nodiscard]] Result<host::PutCrl> put_crl(const host::StoredCrl& crl) override;
  [[nodiscard]] Result<host::StoreContent> content() override;

 private:
  PostgresPool& pool_;
};

}  // namespace extreq::fleet
