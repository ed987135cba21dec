// One suite for all records.
#include "fleet/mirror_records.hpp"

#include <gtest/gtest.h>

#include "base/temporary_directory.hpp"
#include "fleet/postgres_records.hpp"
#include "fleet/postgres_schema.hpp"
#include "fleet/sqlite_records.hpp"
#include "fleet/test_postgres.hpp"
#include "host/store_sqlite.hpp"

namespace extreq::fleet {
namespace {

using namespace std::chrono_literals;
using attestation::Product;
using host::KeyKind;

class RecordsInSqlite {
 public:
  MirrorRecords* records() { return records_.get(); }

 private:
  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-records").value();
  std::unique_ptr<host::SqliteStore> store_ =
      host::SqliteStore::open(folder_.path() + "/store.db").value();
  std::unique_ptr<SqliteRecords> records_ =
      SqliteRecords::open(folder_.path() + "/store.db").value();
};

class RecordsInPostgres {
 public:
  RecordsInPostgres() {
    if (TestPostgres::shared() == nullptr) return;
    pool_ = PostgresPool::open({TestPostgres::shared()->new_database()}).value();
    EXPECT_TRUE(migrate(*pool_));
    records_.emplace(*pool_);
  }
  MirrorRecords* records() { return records_ ? &*records_ : nullptr; }

 private:
  std::unique_ptr<PostgresPool> pool_;
  std::optional<PostgresRecords> records_;
};

template <class Holder>
class Records : public testing::Test {
 protected:
  void SetUp() override {
    if (holder_.records() == nullptr)
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no PostgreSQL to test with";
  }
  MirrorRecords& records() { return *holder_.records(); }

  static std::chrono::sys_seconds at(int seconds) {
    return std::chrono::sys_seconds(std::chrono::seconds(seconds));
  }
  static host::HostReport report(Product product, std::uint8_t chip, std::uint8_t microcode) {
    const bool turin = product == Product::turin;
    const std::optional<std::uint8_t> fmc = turin ? std::optional<std::uint8_t>(1) : std::nullopt;
    return {product, Bytes(turin ? 8 : 64, chip), {fmc, 4, 0, 22, microcode}, {fmc, 4, 0, 22, 255}};
  }

 private:
  Holder holder_;
};

using AllRecords = testing::Types<RecordsInSqlite, RecordsInPostgres>;
TYPED_TEST_SUITE(Records, AllRecords);

TYPED_TEST(Records, AChainIsKeptLetterByLetterUntilAnotherReplacesIt) {
  auto& records = this->records();
  EXPECT_EQ(records.chain(Product::turin, KeyKind::vcek).value(), std::nullopt);
  const Bytes text = to_bytes(std::string("-----BEGIN\r\n\0\xff\r\n\r\n", 17));
  ASSERT_TRUE(records.put_chain(Product::turin, KeyKind::vcek, text));
  EXPECT_EQ(records.chain(Product::turin, KeyKind::vcek).value(), text);
  EXPECT_EQ(records.chain(Product::turin, KeyKind::vlek).value(), std::nullopt);
  EXPECT_EQ(records.chain(Product::milan, KeyKind::vcek).value(), std::nullopt);
  ASSERT_TRUE(records.put_chain(Product::turin, KeyKind::vcek, to_bytes("new")));
  EXPECT_EQ(records.chain(Product::turin, KeyKind::vcek).value(), to_bytes("new"));
}

TYPED_TEST(Records, AHostsLastReportCounts) {
  auto& records = this->records();
  const auto first = this->report(Product::turin, 0xa0, 1);
  const auto second = this->report(Product::turin, 0xa0, 2);
  ASSERT_TRUE(records.put_host(first, this->at(100)));
  EXPECT_EQ(records.hosts(this->at(0)).value(), (std::vector<SeenHost>{{first, this->at(100)}}));
  ASSERT_TRUE(records.put_host(second, this->at(200)));
  EXPECT_EQ(records.hosts(this->at(0)).value(), (std::vector<SeenHost>{{second, this->at(200)}}));
}

TYPED_TEST(Records, HostsAreFoundBySinceWhenTheyWereSeen) {
  auto& records = this->records();
  const auto milan = this->report(Product::milan, 1, 1);
  const auto other = this->report(Product::milan, 2, 1);
  const auto turin = this->report(Product::turin, 1, 255);
  ASSERT_TRUE(records.put_host(turin, this->at(300)));
  ASSERT_TRUE(records.put_host(other, this->at(100)));
  ASSERT_TRUE(records.put_host(milan, this->at(200)));
  EXPECT_EQ(records.hosts(this->at(0))->size(), 3U);
  EXPECT_EQ(records.hosts(this->at(200)).value(),
            (std::vector<SeenHost>{{milan, this->at(200)}, {turin, this->at(300)}}));
  EXPECT_TRUE(records.hosts(this->at(301))->empty());
}

}  // namespace
}  // namespace extreq::fleet
