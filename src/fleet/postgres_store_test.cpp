#include "fleet/postgres_store.hpp"

#include <gtest/gtest.h>

#include "fleet/postgres_schema.hpp"
#include "fleet/test_postgres.hpp"
#include "host/test_store_suite.hpp"

namespace extreq::host {
namespace {

class OpenPostgresStore final : public CertificateStore {
 public:
  explicit OpenPostgresStore(std::unique_ptr<fleet::PostgresPool> pool)
      : pool_(std::move(pool)), store_(*pool_) {}

  Result<std::vector<crypto::Certificate>> leaves(const CertificateKey& key) override {
    return store_.leaves(key);
  }
  Status put_leaf(const CertificateKey& key, const crypto::Certificate& leaf) override {
    return store_.put_leaf(key, leaf);
  }
  Result<std::vector<crypto::Certificate>> authorities(attestation::Product product,
                                                       KeyKind kind) override {
    return store_.authorities(product, kind);
  }
  Status put_authority(attestation::Product product, KeyKind kind,
                       const crypto::Certificate& authority) override {
    return store_.put_authority(product, kind, authority);
  }
  Result<std::optional<StoredCrl>> crl(attestation::Product product, KeyKind kind,
                                       ByteView issuer) override {
    return store_.crl(product, kind, issuer);
  }
  Result<PutCrl> put_crl(const StoredCrl& crl) override { return store_.put_crl(crl); }
  Result<StoreContent> content() override { return store_.content(); }

 private:
  std::unique_ptr<fleet::PostgresPool> pool_;
  fleet::PostgresStore store_;
};

class PostgresPlace {
 public:
  static std::unique_ptr<PostgresPlace> create() { return std::make_unique<PostgresPlace>(); }
  std::unique_ptr<CertificateStore> open() {
    auto pool = fleet::PostgresPool::open({name_}).value();
    EXPECT_TRUE(fleet::migrate(*pool));
    return std::make_unique<OpenPostgresStore>(std::move(pool));
  }

 private:
  std::string name_ = fleet::TestPostgres::shared()->new_database();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, StoreSuite, PostgresPlace);

}  // namespace
}  // namespace extreq::host

// The suite's places are made before a test can skip itself: without a server none is run.
int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (extreq::fleet::TestPostgres::shared() == nullptr) return 77;
  return RUN_ALL_TESTS();
}
