#include "lease/blob_file.hpp"

#include <numeric>

#include <sys/stat.h>

#include "base/file.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

class BlobFileTest : public test::FolderTest {};

TEST_F(BlobFileTest, AFileIsCreatedEmptyWithItsModeWhateverTheUmask) {
  const mode_t before = ::umask(077);
  const auto file = open_or_create_file(blob());
  ::umask(before);
  ASSERT_TRUE(file) << file.error().message;
  struct stat info {};
  ASSERT_EQ(::stat(blob().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640U);
  EXPECT_EQ(info.st_size, 0);
}

TEST_F(BlobFileTest, AnExistingFileIsOpenedAsItIs) {
  ASSERT_TRUE(replace_file(blob(), to_bytes("content"), 0600));
  const auto file = open_or_create_file(blob());
  ASSERT_TRUE(file) << file.error().message;
  struct stat info {};
  ASSERT_EQ(::stat(blob().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
  EXPECT_EQ(*read_file(blob()), to_bytes("content"));
}

TEST_F(BlobFileTest, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const Access access : {Access::read, Access::write}) {
    const auto fifo = open_file(path("fifo"), access);
    ASSERT_FALSE(fifo);
    EXPECT_EQ(fifo.error().code, Code::invalid_input);
  }
  ASSERT_EQ(::mkdir(path("folder").c_str(), 0700), 0);
  EXPECT_FALSE(open_file(path("folder"), Access::read));
  EXPECT_FALSE(open_or_create_file(path("folder")));
}

TEST_F(BlobFileTest, AMissingFileOrFolderIsNamed) {
  const auto file = open_file(blob(), Access::read);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::not_found);
  EXPECT_NE(file.error().message.find(blob()), std::string::npos);
  const auto no_folder = open_or_create_file(path("none/host.blob"));
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().code, Code::not_found);
}

TEST_F(BlobFileTest, TheIdentityIsTheFilesNotTheNames) {
  const auto first = open_or_create_file(blob());
  ASSERT_TRUE(first);
  ASSERT_EQ(::link(blob().c_str(), path("other").c_str()), 0);
  EXPECT_EQ(open_file(path("other"), Access::read)->identity, first->identity);
  ASSERT_EQ(::unlink(blob().c_str()), 0);
  const auto second = open_or_create_file(blob());
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->identity == first->identity);
}

TEST_F(BlobFileTest, ReadsGoOnOverShortOnesAndEndWithTheFile) {
  Bytes content(10000);
  std::iota(content.begin(), content.end(), std::uint8_t{0});
  ASSERT_TRUE(replace_file(blob(), content, 0600));
  const auto file = open_file(blob(), Access::read);
  ASSERT_TRUE(file);
  Bytes bytes(20000);
  EXPECT_EQ(read_at_start(file->fd.get(), bytes), 10000);
  bytes.resize(10000);
  EXPECT_EQ(bytes, content);
  EXPECT_EQ(read_at_start(-1, bytes), -EBADF);
}

TEST_F(BlobFileTest, WritesGoWhereTheyAreToldOrSayWhyNot) {
  const auto file = open_or_create_file(blob());
  ASSERT_TRUE(file);
  EXPECT_EQ(write_at(file->fd.get(), 3, to_bytes("abc")), 0);
  EXPECT_EQ(*read_file(blob()), (Bytes{0, 0, 0, 'a', 'b', 'c'}));
  EXPECT_EQ(write_at(open_file(blob(), Access::read)->fd.get(), 0, to_bytes("x")), EBADF);
}

}  // namespace
}  // namespace extreq::lease
