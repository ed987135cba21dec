#include "host/file_watch.hpp"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "lease/blob_file.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

class FileWatchTest : public testing::Test {
 protected:
  TemporaryDirectory directory_ = *TemporaryDirectory::create("extreq-watch");
  std::string file_ = directory_.path() + "/host.blob";

  // What happened is in the queue already: no wait is needed to see it.
  static Wake look(FileWatch& watch) { return watch.wait(0s, -1).value(); }
};

TEST_F(FileWatchTest, AFileThatIsMadeReplacedOrRemovedIsSeenOnce) {
  auto watch = FileWatch::open({file_}).value();
  EXPECT_EQ(look(watch), Wake::due);
  ASSERT_TRUE(replace_file(file_, Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::changed);
  EXPECT_EQ(look(watch), Wake::due);
  std::filesystem::remove(file_);
  EXPECT_EQ(look(watch), Wake::changed);
}

TEST_F(FileWatchTest, AWriterIsSeenAndAReaderIsNot) {
  ASSERT_TRUE(replace_file(file_, Bytes(10), 0600));
  auto watch = FileWatch::open({file_}).value();
  ASSERT_TRUE(read_file(file_));
  EXPECT_EQ(look(watch), Wake::due);
  ASSERT_TRUE(lease::open_or_create_file(file_));
  EXPECT_EQ(look(watch), Wake::changed);
}

TEST_F(FileWatchTest, OtherFilesOfTheFolderAreNotSeen) {
  auto watch = FileWatch::open({file_}).value();
  ASSERT_TRUE(replace_file(file_ + ".state", Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::due);
}

TEST_F(FileWatchTest, TwoFilesOfOneFolderAreBothSeen) {
  auto watch = FileWatch::open({file_, directory_.path() + "/state"}).value();
  ASSERT_TRUE(replace_file(directory_.path() + "/state", Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::changed);
  ASSERT_TRUE(replace_file(file_, Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::changed);
}

TEST_F(FileWatchTest, AFolderThatComesLaterIsFound) {
  const std::string folder = directory_.path() + "/later";
  auto watch = FileWatch::open({folder + "/state"}).value();
  std::filesystem::create_directory(folder);
  EXPECT_EQ(look(watch), Wake::due);  // finds the folder
  ASSERT_TRUE(replace_file(folder + "/state", Bytes(1), 0600));
  EXPECT_EQ(look(watch), Wake::changed);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(look(watch), Wake::changed);
}

TEST_F(FileWatchTest, AStarStandsForAllFilesWithThisEnd) {
  auto watch = FileWatch::open({directory_.path() + "/*.blob"}).value();
  ASSERT_TRUE(replace_file(file_ + ".state", Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::due);
  ASSERT_TRUE(replace_file(directory_.path() + "/another.blob", Bytes(10), 0600));
  EXPECT_EQ(look(watch), Wake::changed);
}

TEST_F(FileWatchTest, TheStopGoesBeforeEverything) {
  auto watch = FileWatch::open({file_}).value();
  ASSERT_TRUE(replace_file(file_, Bytes(1), 0600));
  const UniqueFd stop(::eventfd(1, EFD_CLOEXEC));
  EXPECT_EQ(watch.wait(1h, stop.get()).value(), Wake::stopped);
}

}  // namespace
}  // namespace extreq::host
