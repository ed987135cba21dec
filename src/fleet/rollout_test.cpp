#include "fleet/rollout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::fleet {
namespace {

using testing::HasSubstr;

const std::string milan_chip(128, 'a');

TEST(Rollout, AHostListIsReadWithItsRemarksAndEachHostOnce) {
  const auto hosts =
      parse_hosts("# the fleet\n\nMilan " + milan_chip + "\nTurin 0102030405060708 # rack 3\n" +
                  "Milan " + milan_chip + "\n");
  ASSERT_TRUE(hosts) << hosts.error().message;
  ASSERT_EQ(hosts->size(), 2U);
  EXPECT_EQ((*hosts)[0].chip_id, Bytes(64, 0xAA));
  EXPECT_EQ((*hosts)[1].chip_id, (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Rollout, ATurinChipIdMayHaveTheReportsZerosBehindIt) {
  const auto hosts = parse_hosts("Turin 0102030405060708" + std::string(112, '0'));
  ASSERT_TRUE(hosts) << hosts.error().message;
  EXPECT_EQ(hosts->front().chip_id.size(), 8U);
}

TEST(Rollout, AWrongLineIsNamed) {
  for (const std::string& line :
       {std::string("Milan"), std::string("Milan 0102"), std::string("Rome ") + milan_chip,
        "Milan " + milan_chip + " more", std::string("Milan zz")}) {
    const auto hosts = parse_hosts("# first\n" + line);
    ASSERT_FALSE(hosts) << line;
    EXPECT_THAT(hosts.error().message, HasSubstr("line 2"));
  }
}

TEST(Rollout, EachHostGetsTheTcbOfItsProduct) {
  const auto hosts = parse_hosts("Milan " + milan_chip + "\nTurin 0102030405060708\n");
  const auto milan = parse_target("Milan:bl=4,tee=0,snp=22,ucode=213");
  const auto turin = parse_target("Turin:fmc=1,bl=1,tee=1,snp=4,ucode=80");
  ASSERT_TRUE(hosts && milan && turin);
  const auto keys = keys_after(*hosts, {*milan, *turin});
  ASSERT_TRUE(keys);
  EXPECT_EQ((*keys)[0].tcb.microcode, 213);
  EXPECT_EQ((*keys)[1].tcb.fmc, 1);
  const auto without = keys_after(*hosts, {*milan});
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, HasSubstr("Turin"));
}

TEST(Rollout, ATargetWithoutProductIsRefused) {
  EXPECT_FALSE(parse_target("bl=4,tee=0,snp=22,ucode=213"));
  EXPECT_FALSE(parse_target("Rome:bl=4,tee=0,snp=22,ucode=213"));
}

}  // namespace
}  // namespace extreq::fleet
