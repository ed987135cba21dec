#include "firmware/model/state_store.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "firmware/model/installation.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

using testing::HasSubstr;

// A new file renamed over the old one, not synced: a test's disk may lose it.
void put(const std::string& path, ByteView content) {
  std::ofstream file(path + "-new", std::ios::binary);
  for (const std::uint8_t byte : content) file.put(static_cast<char>(byte));
  file.close();
  ASSERT_EQ(::chmod((path + "-new").c_str(), 0600), 0);
  std::filesystem::rename(path + "-new", path);
}

class StateStoreTest : public testing::Test {
 protected:
  StateStoreTest() { must(must(StateStore::claim(folder())).install(state_)); }
  [[nodiscard]] const std::string& folder() const { return directory_.path(); }
  [[nodiscard]] std::string file() const { return folder() + "/state"; }

  static void set_microcode(StateStore& store, std::uint8_t value) {
    auto turn = must(store.take_turn());
    PlatformState next = turn.state().clone();
    next.reported_tcb.microcode = value;
    must(turn.replace(std::move(next)));
  }
  static unsigned microcode(StateStore& store) {
    return must(store.take_turn()).state().reported_tcb.microcode;
  }

 private:
  TemporaryDirectory directory_ = must(TemporaryDirectory::create("extreq-store-"));
  PlatformState state_ = must(new_platform({}, system_clock()));
};

TEST_F(StateStoreTest, KeepsAChangeForTheNextOneWhoOpensIt) {
  set_microcode(*must(StateStore::open(folder())), 7);
  EXPECT_EQ(microcode(*must(StateStore::open(folder()))), 7U);
}

TEST_F(StateStoreTest, ASecondStoreSeesEachChangeAtOnce) {
  const auto a = must(StateStore::open(folder()));
  const auto b = must(StateStore::open(folder()));
  for (std::uint8_t i = 1; i < 20; ++i) {
    set_microcode(i % 2 == 0 ? *a : *b, i);
    EXPECT_EQ(microcode(*a), i);
    EXPECT_EQ(microcode(*b), i);
  }
}

// A free inode number is used again at once on common file systems, and the files have one size:
// whoever sleeps over several changes must still notice.
TEST_F(StateStoreTest, AStoreThatSleptOverManyChangesSeesTheLast) {
  const auto writer = must(StateStore::open(folder()));
  for (std::uint8_t changes = 1; changes < 8; ++changes) {
    const auto sleeper = must(StateStore::open(folder()));
    for (std::uint8_t i = 0; i < changes; ++i) {
      set_microcode(*writer, static_cast<std::uint8_t>(100 + 10 * (changes % 2) + i % 3));
    }
    EXPECT_EQ(microcode(*sleeper), microcode(*writer)) << +changes << " changes";
  }
}

TEST_F(StateStoreTest, ADirectoryHoldsOnePlatform) {
  const Bytes before = must(read_file(file()));
  const auto again = StateStore::claim(folder());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("holds a platform already"));
  EXPECT_EQ(must(read_file(file())), before);
}

TEST_F(StateStoreTest, OnlyTheOwnerCanReadTheState) {
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  ASSERT_EQ(::chmod(file().c_str(), 0640), 0);
  const auto opened = StateStore::open(folder());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("mode 640 lets others at the chip secret"));
}

TEST_F(StateStoreTest, ADirectoryWithoutAPlatformIsNotFound) {
  const auto empty = must(TemporaryDirectory::create("extreq-empty-"));
  EXPECT_EQ(StateStore::open(empty.path()).error().code, Code::not_found);
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
  EXPECT_TRUE(StateStore::claim(empty.path()));
}

TEST_F(StateStoreTest, EveryDamagedByteIsAClearErrorAndNothingIsOverwritten) {
  const auto store = must(StateStore::open(folder()));
  const Bytes good = must(read_file(file()));
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 0x40U;
    put(file(), bad);
    const auto opened = StateStore::open(folder());
    ASSERT_FALSE(opened) << "byte " << at;
    EXPECT_THAT(opened.error().message, HasSubstr(file()));
    EXPECT_THAT(opened.error().message, HasSubstr("Nothing was changed"));
    EXPECT_FALSE(store->take_turn()) << "byte " << at;
    ASSERT_EQ(must(read_file(file())), bad);
  }
  put(file(), good);
  EXPECT_TRUE(store->take_turn());
}

TEST_F(StateStoreTest, ATruncatedFileIsAClearError) {
  const Bytes good = must(read_file(file()));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, good.size() - 1}) {
    put(file(), ByteView(good).first(size));
    EXPECT_THAT(StateStore::open(folder()).error().message, HasSubstr("424 are required"));
  }
}

TEST_F(StateStoreTest, LeftoversOfAKilledWriterAreRemoved) {
  const std::string leftover = file() + ".a1b2c3";
  must(replace_file(leftover, Bytes{1, 2, 3}, 0600));
  for (const char* name : {"/notes", "/state.md", "/state.d/keep", "/state-new"}) {
    std::filesystem::create_directories(std::filesystem::path(folder() + name).parent_path());
    must(replace_file(folder() + name, Bytes{1}, 0600));
  }
  must(StateStore::open(folder()));
  EXPECT_FALSE(std::filesystem::exists(leftover));
  for (const char* name : {"/notes", "/state.md", "/state.d/keep", "/state-new"}) {
    EXPECT_TRUE(std::filesystem::exists(folder() + name)) << name;
  }
}

TEST_F(StateStoreTest, AStateThatCannotBeWrittenLeavesTheOldOne) {
  const auto store = must(StateStore::open(folder()));
  const unsigned before = microcode(*store);
  const std::string hidden = folder() + "-hidden";
  std::filesystem::rename(folder(), hidden);
  {
    const auto turn = store->take_turn();
    EXPECT_EQ(turn.error().code, Code::not_found);
  }
  std::filesystem::rename(hidden, folder());
  EXPECT_EQ(microcode(*store), before);
}

TEST(StateStore, InMemoryKeepsWhatItIsGiven) {
  const auto store = StateStore::in_memory(must(new_platform({}, system_clock())));
  auto turn = must(store->take_turn());
  PlatformState next = turn.state().clone();
  next.mask_chip_id = true;
  must(turn.replace(std::move(next)));
  EXPECT_TRUE(turn.state().mask_chip_id);
}

}  // namespace
}  // namespace extreq::firmware::model
