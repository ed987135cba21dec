// Two VMs with a blob of their own each, beside the machine's.
#include "host/vm_blobs.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <unistd.h>

#include "host/service.hpp"
#include "host/status.hpp"
#include "host/test_platform.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class VmBlobsTest : public testing::Test {
 protected:
  VmBlobsTest() {
    std::filesystem::create_directory(lease::vm_blob_folder(platform_.blob()));
    for (const auto& one : vms_) make(one);
  }

  [[nodiscard]] std::string vm(const std::string& name) const {
    return lease::vm_blob_folder(platform_.blob()) + "/" + name + ".blob";
  }
  static void make(const std::string& path) { EXPECT_TRUE(lease::open_or_create_file(path)); }
  [[nodiscard]] BlobFinding finding(const std::string& path) {
    return look_at_blob(path, platform_.processor(), 0s).value().finding;
  }
  void expect_all(BlobFinding wanted) {
    EXPECT_EQ(finding(platform_.blob()), wanted);
    for (const auto& one : vms_) EXPECT_EQ(finding(one), wanted) << one;
  }
  PassReport pass() {
    auto report = publisher_.pass(50ms);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(PassReport());
  }

  TestPlatform platform_;
  const std::vector<std::string> vms_{vm("one"), vm("two")};
  lease::BlobWriter writer_{platform_.blob()};
  Publisher publisher_{writer_, platform_.processor(), platform_.provider()};
};

TEST_F(VmBlobsTest, ANewVmsBlobIsFilledAtTheNextTurn) {
  auto report = pass();
  EXPECT_EQ(report.vms.count, 2U);
  EXPECT_EQ(report.vms.published, 2U);
  EXPECT_FALSE(report.vms.problem);
  expect_all(BlobFinding::fits);
  make(vm("three"));
  report = pass();
  EXPECT_FALSE(report.published);
  EXPECT_EQ(report.vms.count, 3U);
  EXPECT_EQ(report.vms.published, 1U);
  EXPECT_EQ(finding(vm("three")), BlobFinding::fits);
  EXPECT_EQ(pass().vms.published, 0U);
}

TEST_F(VmBlobsTest, EachVmGetsCertificatesThatMatchThroughAChangeOfTheTcb) {
  pass();
  UpdateTransaction update(writer_, platform_.processor(), platform_.provider());
  bool kept_out = true;
  const auto report = update.run(plan_tcb(tcb_new,
                                          [&](int) {
                                            for (const auto& one : vms_) {
                                              const auto holder =
                                                  lease::BlobSource(one).open_holder().value();
                                              kept_out = kept_out && !holder->acquire({});
                                            }
                                            return platform_.report_tcb(tcb_new);
                                          }),
                                 1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(kept_out) << "no VM has a lease while the key changes";
  expect_all(BlobFinding::fits);
  EXPECT_EQ(pass().vms.published, 0U) << "nothing was left to the service";
}

TEST_F(VmBlobsTest, ALeaseOfOneVmKeepsTheKeyAsItIs) {
  pass();
  const auto holder = lease::BlobSource(vms_[1]).open_holder().value();
  ASSERT_TRUE(holder->acquire({}));
  UpdateTransaction update(writer_, platform_.processor(), platform_.provider());
  const auto report =
      update.run(plan_tcb(tcb_new, [&](int) { return platform_.report_tcb(tcb_new); }), 30ms);
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr(vms_[1]));
  holder->release();
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, WhatAKilledUpdaterLeftEmptyIsFilledAgain) {
  pass();
  {
    auto killed = lease::BlobGroup(writer_).begin(1s);
    ASSERT_TRUE(killed);
    ASSERT_TRUE(killed->tombstone());
    ASSERT_TRUE(platform_.report_tcb(tcb_new));
  }
  expect_all(BlobFinding::no_table);
  EXPECT_EQ(pass().vms.published, 2U);
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, WhileACommandOutlivesItsUpdaterNoVmGetsATable) {
  pass();
  int command = -1;
  {
    auto killed = lease::BlobGroup(writer_).begin(1s);
    ASSERT_TRUE(killed);
    ASSERT_TRUE(killed->tombstone());
    command = ::dup(killed->lock_descriptor());
  }
  const auto report = pass();
  EXPECT_EQ(report.found, BlobFinding::under_update);
  EXPECT_EQ(report.vms.published, 0U);
  for (const auto& one : vms_) EXPECT_EQ(finding(one), BlobFinding::no_table);
  ::close(command);
  pass();
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, AKeyThatSomebodyChangedWithoutTheLockTakesEachTableBackBeforeTheFetch) {
  pass();
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  expect_all(BlobFinding::other_key);
  bool asked = false;
  Publisher slow(writer_, platform_.processor(), [&](const SigningState& state) {
    asked = true;
    expect_all(BlobFinding::no_table);
    return platform_.provider()(state);
  });
  const auto report = slow.pass(50ms);
  ASSERT_TRUE(report);
  EXPECT_TRUE(asked);
  EXPECT_EQ(report->vms.withdrawn, 2U);
  EXPECT_EQ(report->vms.published, 2U);
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, ADamagedOneIsMendedAndARenewedTableReachesAll) {
  pass();
  ASSERT_EQ(::truncate(vms_[0].c_str(), 1000), 0);
  auto report = pass();
  EXPECT_EQ(report.vms.withdrawn, 1U);
  EXPECT_EQ(report.vms.published, 1U);
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, OneVmsLeaseKeepsTheOthersFromNothing) {
  const auto holder = lease::BlobSource(vms_[0]).open_holder().value();
  ASSERT_TRUE(holder->acquire({}));
  const auto report = pass();
  ASSERT_TRUE(report.vms.problem);
  EXPECT_THAT(report.vms.problem->message, HasSubstr("the blob of the VM one"));
  EXPECT_EQ(finding(vms_[0]), BlobFinding::no_table);
  EXPECT_EQ(finding(vms_[1]), BlobFinding::fits);
  EXPECT_EQ(finding(platform_.blob()), BlobFinding::fits);
  holder->release();
  EXPECT_FALSE(pass().vms.problem);
  expect_all(BlobFinding::fits);
}

TEST_F(VmBlobsTest, MaskedKeysTakeEachTableBack) {
  pass();
  abi::snp::Config config;
  config.reported_tcb = attestation::encode_tcb(tcb_old);
  config.flags = abi::snp::config_flags::mask_chip_key;
  ASSERT_TRUE(platform_.processor().set_config(config));
  const auto report = pass();
  EXPECT_EQ(report.vms.withdrawn, 2U);
  EXPECT_FALSE(report.vms.problem);
  expect_all(BlobFinding::fits);
  for (const auto& one : vms_) {
    const auto holder = lease::BlobSource(one).open_holder().value();
    EXPECT_TRUE(holder->acquire({})->empty());
  }
}

TEST_F(VmBlobsTest, TheServiceIsWellOnlyIfEachVmIs) {
  ServiceOptions options;
  options.lock_wait = 50ms;
  Service service(writer_, platform_.processor(), platform_.provider(), options);
  const auto holder = lease::BlobSource(vms_[0]).open_holder().value();
  ASSERT_TRUE(holder->acquire({}));
  service.step();
  EXPECT_FALSE(service.healthy());
  holder->release();
  service.step();
  EXPECT_TRUE(service.healthy());
  EXPECT_EQ(service.view().publications, 3U);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  service.step();
  EXPECT_EQ(service.view().mismatches_prevented, 3U);
}

TEST_F(VmBlobsTest, StatusShowsEachVm) {
  pass();
  ASSERT_EQ(::truncate(vms_[1].c_str(), 1000), 0);
  const auto lines = host_status(platform_.processor(), platform_.blob(), system_clock().utc());
  const auto verdict = [&lines](const std::string& name) {
    for (const auto& line : lines) {
      if (line.name == name) return line.verdict;
    }
    ADD_FAILURE() << "no line " << name;
    return Verdict::fact;
  };
  EXPECT_EQ(verdict("vm one"), Verdict::well);
  EXPECT_EQ(verdict("vm two"), Verdict::bad);
}

}  // namespace
}  // namespace extreq::host
