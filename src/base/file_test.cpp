#include "base/file.hpp"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/temporary_directory.hpp"

namespace extreq {
namespace {

TEST(File, ReplaceThenReadGivesTheSameBytesAndTheMode) {
  const auto directory = TemporaryDirectory::create("extreq-file");
  ASSERT_TRUE(directory);
  const std::string path = directory->path() + "/f";
  ASSERT_TRUE(replace_file(path, to_bytes("one"), 0640));
  ASSERT_TRUE(replace_file(path, to_bytes("two"), 0600));
  EXPECT_EQ(read_file(path), to_bytes("two"));
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory->path()), {}), 1);
}

TEST(File, AMissingFileIsNotFoundByName) {
  const auto result = read_file("/nonexistent/extreq");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::not_found);
  EXPECT_EQ(result.error().message,
            "open /nonexistent/extreq: No such file or directory (errno 2)");
}

TEST(File, AFileOverTheLimitIsRefused) {
  const auto directory = TemporaryDirectory::create("extreq-file");
  ASSERT_TRUE(directory);
  const std::string path = directory->path() + "/f";
  ASSERT_TRUE(replace_file(path, Bytes(100), 0600));
  EXPECT_TRUE(read_file(path, 100));
  EXPECT_EQ(read_file(path, 99).error().code, Code::too_small);
}

TEST(File, AFailedReplaceLeavesNoFileBehind) {
  const auto directory = TemporaryDirectory::create("extreq-file");
  ASSERT_TRUE(directory);
  const std::string path = directory->path() + "/taken";
  ASSERT_TRUE(std::filesystem::create_directory(path));
  EXPECT_FALSE(replace_file(path, to_bytes("x"), 0600));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory->path()), {}), 1);
}

}  // namespace
}  // namespace extreq
