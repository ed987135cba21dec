#include "hypervisor/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = AccessObserver::Kind;

TEST(AccessLog, AByteThatIsFetchedTwiceIsFound) {
  AccessLog log;
  log.accessed(0x100, 8, Kind::read);
  log.accessed(0x108, 8, Kind::read);
  EXPECT_THAT(log.bytes_read_again(), IsEmpty());
  log.accessed(0x106, 3, Kind::read);
  EXPECT_THAT(log.bytes_read_again(), ElementsAre(0x106, 0x107, 0x108));
}

TEST(AccessLog, WritingAByteIsNotFetchingIt) {
  AccessLog log;
  log.accessed(0x100, 8, Kind::read);
  log.accessed(0x100, 8, Kind::write);
  log.accessed(0x100, 8, Kind::write);
  EXPECT_THAT(log.bytes_read_again(), IsEmpty());
}

TEST(AccessLog, TheHookIsCalledForEachAccessAndClearForgetsThem) {
  AccessLog log;
  std::vector<std::uint64_t> seen;
  log.set_hook([&](const AccessLog::Access& access) { seen.push_back(access.gpa); });
  log.accessed(1, 1, Kind::read);
  log.accessed(2, 1, Kind::write);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_EQ(log.accesses().size(), 2U);
  log.clear();
  EXPECT_THAT(log.accesses(), IsEmpty());
}

}  // namespace
}  // namespace extreq::hypervisor
