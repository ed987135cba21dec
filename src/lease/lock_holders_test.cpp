#include "lease/lock_holders.hpp"

#include <gmock/gmock.h>

#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

class LockHoldersTest : public test::FolderTest {};

TEST_F(LockHoldersTest, NamesProcessDescriptorAndModeOfEachHolder) {
  const auto file = open_or_create_file(blob());
  const auto other = open_file(blob(), Access::write);
  ASSERT_TRUE(file && other);
  EXPECT_TRUE(find_lock_holders(file->identity).empty());

  OfdLock shared;
  ASSERT_EQ(shared.try_lock(file->fd.get(), LockMode::shared), 0);
  auto holders = find_lock_holders(file->identity);
  ASSERT_EQ(holders.size(), 1U);
  EXPECT_EQ(holders[0].process, ::getpid());
  EXPECT_EQ(holders[0].descriptor, file->fd.get());
  EXPECT_EQ(holders[0].mode, LockMode::shared);
  EXPECT_FALSE(holders[0].command.empty());
  shared.unlock();

  OfdLock exclusive;
  ASSERT_EQ(exclusive.try_lock(other->fd.get(), LockMode::exclusive), 0);
  holders = find_lock_holders(file->identity);
  ASSERT_EQ(holders.size(), 1U);
  EXPECT_EQ(holders[0].descriptor, other->fd.get());
  EXPECT_EQ(holders[0].mode, LockMode::exclusive);
}

TEST_F(LockHoldersTest, TheDescriptionTellsAnOperatorWhoToAsk) {
  EXPECT_THAT(describe({}), testing::HasSubstr("nobody"));
  const std::string text =
      describe({{12, "qemu", 3, LockMode::shared}, {13, "extreq", 4, LockMode::exclusive}});
  EXPECT_EQ(text,
            "process 12 (qemu), descriptor 3, shared lock; process 13 (extreq), descriptor 4, "
            "exclusive lock");
}

}  // namespace
}  // namespace extreq::lease
