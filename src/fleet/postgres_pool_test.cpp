#include "fleet/postgres_pool.hpp"

#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/postgres_schema.hpp"
#include "fleet/test_postgres.hpp"

namespace extreq::fleet {
namespace {

using testing::HasSubstr;

class Pool : public testing::Test {
 protected:
  void SetUp() override {
    if (TestPostgres::shared() == nullptr)
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: no PostgreSQL to test with";
    name_ = TestPostgres::shared()->new_database();
  }
  std::unique_ptr<PostgresPool> open(unsigned connections = 2) {
    PostgresPool::Options options;
    options.connection = name_;
    options.connections = connections;
    auto pool = PostgresPool::open(options);
    EXPECT_TRUE(pool) << pool.error().message;
    return pool ? *std::move(pool) : nullptr;
  }
  std::string name_;
};

TEST(PostgresPool, AConnectionStringThatIsNoneIsRefusedWithItsReason) {
  const auto pool = PostgresPool::open({"no such option=1"});
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().code, Code::invalid_input);
  EXPECT_THAT(pool.error().message, HasSubstr("connection string"));
}

TEST(PostgresPool, AServerThatIsNotThereIsToldAtOnceAndWithoutThePassword) {
  const auto pool = PostgresPool::open({"host=/nonexistent user=a password=hunter2"});
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().code, Code::io);
  EXPECT_THAT(pool.error().message, testing::Not(HasSubstr("hunter2")));
}

TEST_F(Pool, ParametersOfEachTypeComeBack) {
  const auto pool = open();
  const Bytes bytes{0, 1, 255, '\'', '\\'};
  const auto rows =
      pool->run("SELECT CAST($1 AS bigint), CAST($2 AS text), CAST($3 AS bytea), CAST($4 AS text)",
                {std::int64_t{-5}, std::string_view("o'clock"), ByteView(bytes), std::monostate{}});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->integer(0, 0), -5);
  EXPECT_EQ(rows->text(0, 1), "o'clock");
  EXPECT_EQ(rows->bytes(0, 2), bytes);
  EXPECT_TRUE(rows->is_null(0, 3));
  EXPECT_FALSE(rows->integer(0, 1));
  EXPECT_FALSE(rows->bytes(0, 1));
}

TEST_F(Pool, AnEmptyByteaIsNotNull) {
  const auto rows = open()->run("SELECT CAST($1 AS bytea)", {ByteView()});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_FALSE(rows->is_null(0, 0));
}

TEST_F(Pool, AStatementThatIsWrongFailsAtOnceAndLeavesTheConnection) {
  const auto pool = open(1);
  const auto wrong = pool->run("SELECT nonsense");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::io);
  EXPECT_THAT(wrong.error().message, HasSubstr("nonsense"));
  EXPECT_TRUE(pool->run("SELECT 1"));
}

TEST_F(Pool, AStatementSurvivesTheLossOfItsConnection) {
  const auto pool = open(1);
  ASSERT_TRUE(migrate(*pool));
  const auto other = open(1);
  const auto pid = pool->run("SELECT pg_backend_pid()");
  ASSERT_TRUE(pid);
  ASSERT_TRUE(other->run("SELECT pg_terminate_backend($1::int)", {*pid->integer(0, 0)}));
  EXPECT_TRUE(pool->run("SELECT 1"));
}

TEST_F(Pool, AStatementWaitsForAServerThatStartsAgain) {
  const auto pool = open(1);
  TestPostgres::shared()->stop();
  std::thread later([] { TestPostgres::shared()->resume(); });
  const auto rows = pool->run("SELECT 7");
  later.join();
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->integer(0, 0), 7);
}

TEST_F(Pool, PatienceEndsWithTheCause) {
  ManualClock clock;  // its sleeps return at once
  PostgresPool::Options options;
  options.connection = name_;
  options.clock = &clock;
  auto pool = PostgresPool::open(options);
  ASSERT_TRUE(pool);
  TestPostgres::shared()->stop();
  const auto rows = (*pool)->run("SELECT 7");
  TestPostgres::shared()->resume();
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, Code::busy);
  EXPECT_THAT(rows.error().message, HasSubstr("did not answer"));
}

TEST_F(Pool, MigrationsMayRunAtOnceAndTwice) {
  std::vector<std::thread> instances;
  std::atomic<int> done = 0;
  for (int i = 0; i < 4; ++i) {
    instances.emplace_back([&] {
      const auto pool = open(1);
      const auto status = migrate(*pool);
      EXPECT_TRUE(status) << status.error().message;
      done += status && migrate(*pool);
    });
  }
  for (auto& instance : instances) instance.join();
  EXPECT_EQ(done, 4);
}

TEST_F(Pool, ADatabaseOfALaterVersionIsLeftAlone) {
  const auto pool = open(1);
  ASSERT_TRUE(migrate(*pool));
  ASSERT_TRUE(
      pool->run("INSERT INTO schema_migration (version) VALUES ($1)", {schema_version + 1}));
  const auto status = migrate(*pool);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::unsupported);
}

}  // namespace
}  // namespace extreq::fleet
