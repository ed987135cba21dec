#include "base/temporary_directory.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"

namespace extreq {
namespace {

namespace files = std::filesystem;
using testing::HasSubstr;

TEST(TemporaryDirectory, IsPrivateAndGoesWithItsContent) {
  std::string path;
  {
    const auto folder = TemporaryDirectory::create("extreq-test").value();
    path = folder.path();
    EXPECT_EQ(files::status(path).permissions(), files::perms::owner_all);
    EXPECT_TRUE(replace_file(path + "/file", to_bytes("x"), 0600));
  }
  EXPECT_FALSE(files::exists(path));
}

TEST(TemporaryDirectory, IsMadeWhereItIsAskedFor) {
  const auto outer = TemporaryDirectory::create("extreq-test").value();
  const auto inner = TemporaryDirectory::create("inner", outer.path()).value();
  EXPECT_EQ(files::path(inner.path()).parent_path(), outer.path());
}

TEST(TemporaryDirectory, WhatCannotBeMadeIsNamed) {
  const auto folder = TemporaryDirectory::create("extreq-test", "/nowhere");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Code::not_found);
  EXPECT_THAT(folder.error().message, HasSubstr("/nowhere/extreq-test"));
}

}  // namespace
}  // namespace extreq
