#include "host/host_report.hpp"

#include <gtest/gtest.h>

#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"

namespace extreq::host {
namespace {

using attestation::Product;

HostReport milan() {
  return {Product::milan,
          Bytes(64, 0x3f),
          {std::nullopt, 4, 0, 22, 213},
          {std::nullopt, 4, 0, 23, 215}};
}
HostReport turin() {
  return {Product::turin, Bytes(8, 0xa0), {1, 2, 3, 4, 5}, {255, 255, 255, 255, 255}};
}

TEST(HostReport, WhatIsWrittenIsReadAsTheSame) {
  for (const HostReport& report : {milan(), turin()}) {
    EXPECT_EQ(parse_host_report(to_line(report)).value(), report) << to_line(report);
  }
  EXPECT_EQ(to_line(turin()),
            "Turin a0a0a0a0a0a0a0a0 fmc=1,bl=2,tee=3,snp=4,ucode=5"
            " fmc=255,bl=255,tee=255,snp=255,ucode=255\n");
}

TEST(HostReport, AChipIdAsReportsHaveItIsTheSame) {
  std::string line = to_line(turin());
  line.insert(line.find(" fmc"), std::string(112, '0'));
  EXPECT_EQ(parse_host_report(line).value(), turin());
}

TEST(HostReport, WhatIsNoReportIsRefused) {
  const std::string good = to_line(turin());
  const std::string tcb = "fmc=1,bl=2,tee=3,snp=4,ucode=5";
  const std::string chip = "a0a0a0a0a0a0a0a0";
  for (const std::string& line :
       {std::string(), std::string("\n"), good + "\n", good + "x", " " + good,
        "Turin " + chip + " " + tcb, "Turin " + chip + "  " + tcb + " " + tcb,
        "Rome " + chip + " " + tcb + " " + tcb, "Turin a0 " + tcb + " " + tcb,
        "Turin " + chip + "01 " + tcb + " " + tcb, "Turin xx " + tcb + " " + tcb,
        "Milan " + std::string(128, 'a') + " " + tcb + " " + tcb,
        "Turin " + chip + " " + tcb + " bl=2", "Turin " + chip + " " + tcb + " " + tcb + " " + tcb,
        "Turin " + chip + " " + tcb + " " + std::string(2000, '1'),
        "Turin " + chip + " " + tcb + " " + tcb + std::string(1, '\0')}) {
    EXPECT_FALSE(parse_host_report(line)) << line;
  }
}

TEST(HostReport, APlatformReportsWhatItSignsWithAndWhatACommitMakesOfIt) {
  firmware::model::Installation installation;
  installation.keys = firmware::model::test_authority_keys();
  auto image = firmware::model::usual_firmware(Product::milan);
  image.tcb = milan().current_tcb;
  installation.firmware = image;
  installation.reported_tcb = milan().reported_tcb;
  const auto processor = firmware::model::SecureProcessor::in_memory(installation).value();
  const auto report = read_host_report(*processor).value();
  EXPECT_EQ(report.reported_tcb, milan().reported_tcb);
  EXPECT_EQ(report.current_tcb, milan().current_tcb);
  const auto id = processor->get_id().value();
  EXPECT_EQ(report.chip_id, Bytes(id.begin(), id.end()));
  ASSERT_TRUE(processor->commit());
  EXPECT_EQ(read_host_report(*processor)->reported_tcb, milan().current_tcb);
}

}  // namespace
}  // namespace extreq::host
