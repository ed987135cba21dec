#include "host/store_sqlite.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "host/test_store_suite.hpp"

namespace extreq::host {
namespace {

using testing::HasSubstr;

class SqlitePlace {
 public:
  static std::unique_ptr<SqlitePlace> create() { return std::make_unique<SqlitePlace>(); }
  std::unique_ptr<CertificateStore> open() { return SqliteStore::open(path()).value(); }
  [[nodiscard]] std::string path() const { return directory_.path() + "/certificates.db"; }
  [[nodiscard]] std::string folder() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::create("extreq-store").value();
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, StoreSuite, SqlitePlace);

class SqliteStoreTest : public testing::Test {
 protected:
  SqlitePlace place_;
  StoreMaterial& material_ = StoreMaterial::get();

  Error open_failure() {
    auto store = SqliteStore::open(place_.path());
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
  }
};

TEST_F(SqliteStoreTest, TheFileIsNotForEverybody) {
  place_.open();
  struct stat status {};
  ASSERT_EQ(::stat(place_.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007U, 0U);
}

// SQLite's words: SEARCH for a look-up by the key's first columns, SCAN for a walk over all rows.
std::vector<std::string> plan_of(const std::string& path, const std::string& query) {
  auto database = SqliteDatabase::open(path).value();
  auto plan = database.prepare("EXPLAIN QUERY PLAN " + query).value();
  std::vector<std::string> lines;
  constexpr int detail = 3;
  while (plan.step().value()) {
    const Bytes line = plan.bytes(detail);
    lines.emplace_back(line.begin(), line.end());
  }
  return lines;
}

TEST_F(SqliteStoreTest, ALeafIsFoundByItsWholeKey) {
  place_.open();
  EXPECT_THAT(plan_of(place_.path(), sqlite_leaves_query(false)),
              testing::ElementsAre(
                  testing::AllOf(testing::StartsWith("SEARCH leaf USING PRIMARY KEY"),
                                 HasSubstr("product=? AND kind=? AND tcb=? AND holder=?"))));
}

TEST_F(SqliteStoreTest, TheLeavesOfOneTcbAreFoundByIt) {
  place_.open();
  EXPECT_THAT(plan_of(place_.path(), sqlite_leaves_query(true)),
              testing::Contains(testing::AllOf(testing::StartsWith("SEARCH leaf USING PRIMARY KEY"),
                                               HasSubstr("product=? AND kind=? AND tcb=?"))));
}

TEST_F(SqliteStoreTest, AMissingFolderIsNotFound) {
  const auto store = SqliteStore::open(place_.folder() + "/none/certificates.db");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::not_found);
  EXPECT_THAT(store.error().message, HasSubstr("/none/certificates.db"));
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsLeftAlone) {
  const Bytes content(4096, 'x');
  ASSERT_TRUE(replace_file(place_.path(), content, 0600));
  const auto error = open_failure();
  EXPECT_EQ(error.code, Code::invalid_input);
  EXPECT_THAT(error.message, HasSubstr("move the file away"));
  EXPECT_EQ(read_file(place_.path()).value(), content);
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsLeftAlone) {
  auto database = SqliteDatabase::open(place_.path());
  ASSERT_TRUE(database->execute("CREATE TABLE theirs(x)"));
  const auto error = open_failure();
  EXPECT_EQ(error.code, Code::invalid_input);
  EXPECT_THAT(error.message, HasSubstr("another program's"));
}

TEST_F(SqliteStoreTest, ALaterVersionIsLeftAlone) {
  place_.open();
  auto database = SqliteDatabase::open(place_.path());
  ASSERT_TRUE(database->execute("PRAGMA user_version = 2"));
  const auto error = open_failure();
  EXPECT_EQ(error.code, Code::unsupported);
  EXPECT_THAT(error.message, HasSubstr("its version is 2, this extreq knows 1"));
}

TEST_F(SqliteStoreTest, ADamagedFileIsSaidToBe) {
  const auto leaf = material_.vcek(1);
  const auto key = key_of(leaf).value();
  {
    auto store = place_.open();
    ASSERT_TRUE(store->put_leaf(key, leaf));
  }
  // Everything behind the first page: schema and version are there, the rows are not.
  const auto size = std::filesystem::file_size(place_.path());
  ASSERT_GT(size, 4096U);
  std::fstream file(place_.path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(size - 4096, '\xFF');
  file.close();
  const auto store = SqliteStore::open(place_.path());
  ASSERT_TRUE(store) << store.error().message;
  const auto found = (*store)->leaves(key);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::invalid_input);
  EXPECT_THAT(found.error().message, HasSubstr(place_.path()));
}

TEST_F(SqliteStoreTest, ACertificateThatWasChangedInTheFileIsDamage) {
  const auto leaf = material_.vcek(1);
  const auto key = key_of(leaf).value();
  auto store = place_.open();
  ASSERT_TRUE(store->put_leaf(key, leaf));
  auto database = SqliteDatabase::open(place_.path());
  ASSERT_TRUE(database->execute("UPDATE leaf SET der = x'3003020100'"));
  const auto found = store->leaves(key);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::invalid_input);
}

// A disk that is full, as a limit of the process: in a child, for it holds for all that it writes.
TEST_F(SqliteStoreTest, AFullDiskIsSaidToBeAndKeepsWhatWasStored) {
  const auto first = material_.vcek(1);
  const auto key = key_of(first).value();
  ASSERT_TRUE(place_.open()->put_leaf(key, first));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    auto store = SqliteStore::open(place_.path());
    const rlimit limit{4096, 4096};
    if (!store || ::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(2);
    auto other = key;
    other.tcb.tee = 1;
    const auto put = (*store)->put_leaf(other, first);
    ::_exit(!put && put.error().code == Code::io ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  auto store = place_.open();
  EXPECT_EQ(store->leaves(key).value(), std::vector{first});
  EXPECT_EQ(store->content()->leaves.size(), 1U);
  auto other = key;
  other.tcb.tee = 1;
  EXPECT_TRUE(store->put_leaf(other, first)) << "with room again it goes on";
}

TEST_F(SqliteStoreTest, ADatabaseThatMayNotGrowKeepsWhatWasStored) {
  auto database = SqliteDatabase::open(place_.path());
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("CREATE TABLE t(x); PRAGMA max_page_count = 2"));
  const auto full = database->execute("INSERT INTO t VALUES(zeroblob(100000))");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::io);
  EXPECT_THAT(full.error().message, HasSubstr("full"));
}

TEST_F(SqliteStoreTest, AFolderThatMayNotBeWrittenIsSaidToBe) {
  if (::geteuid() == 0) {
    // Root may write anywhere but here.
    const auto store = SqliteStore::open("/proc/certificates.db");
    ASSERT_FALSE(store);
    EXPECT_THAT(store.error().message, HasSubstr("/proc/certificates.db"));
    return;
  }
  ASSERT_EQ(::chmod(place_.folder().c_str(), 0500), 0);
  const auto error = open_failure();
  ASSERT_EQ(::chmod(place_.folder().c_str(), 0700), 0);
  EXPECT_EQ(error.code, Code::io);
  EXPECT_THAT(error.message, HasSubstr("Permission denied"));
}

}  // namespace
}  // namespace extreq::host
