#include "host/doctor.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "host/socket_server.hpp"

namespace extreq::host {
namespace {

class DoctorTest : public testing::Test {
 protected:
  DoctorTest() {
    paths_.root = directory_.path();
    paths_.blob = directory_.path() + "/host.blob";
    paths_.store = directory_.path() + "/certificates.db";
  }
  void put(const std::string& path, std::string_view text, unsigned mode = 0640) {
    const std::string whole = directory_.path() + path;
    std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
    ASSERT_TRUE(replace_file(whole, to_bytes(text), mode));
  }
  static std::vector<std::string> bad(const CheckLines& lines) {
    std::vector<std::string> names;
    for (const auto& line : lines) {
      if (line.verdict != Verdict::bad) continue;
      names.push_back(line.name);
      EXPECT_FALSE(line.remedy.empty()) << line.name;
      EXPECT_FALSE(line.value.empty()) << line.name;
    }
    return names;
  }

  TemporaryDirectory directory_ = *TemporaryDirectory::create("extreq-doctor");
  DoctorPaths paths_;
};

TEST_F(DoctorTest, AHostWithNothingLacksEverythingThatCounts) {
  EXPECT_THAT(bad(examine_host(paths_)), testing::ElementsAre("device", "kvm", "blob"));
}

TEST_F(DoctorTest, AWholeHostIsWell) {
  put("/dev/sev", "");
  put("/sys/module/kvm_amd/parameters/sev_snp", "Y\n");
  put("/host.blob", "");
  SocketServerOptions socket;
  socket.socket_path = directory_.path() + "/socket";
  socket.blob_path = paths_.blob;
  paths_.socket = socket.socket_path;
  const auto server = SocketServer::start(socket);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_THAT(bad(examine_host(paths_)), testing::IsEmpty());
}

TEST_F(DoctorTest, WhatIsWrongIsNamed) {
  put("/dev/sev", "");
  put("/sys/module/kvm_amd/parameters/sev_snp", "N\n");
  put("/host.blob", "", 0644);
  paths_.socket = directory_.path() + "/socket";
  EXPECT_THAT(bad(examine_host(paths_)), testing::ElementsAre("kvm", "blob", "socket"));
}

TEST_F(DoctorTest, AModelPlatformNeedsNoDevice) {
  paths_.model = true;
  put("/host.blob", "");
  EXPECT_TRUE(all_well(examine_host(paths_)));
}

TEST_F(DoctorTest, AGuestIsLookedAtInItsParts) {
  EXPECT_EQ(bad(examine_guest(paths_)).size(), 3U);
  put("/sys/module/sev_guest/x", "");
  put("/dev/sev-guest", "");
  std::filesystem::create_directories(directory_.path() + "/sys/kernel/config/tsm/report");
  EXPECT_TRUE(all_well(examine_guest(paths_)));
}

}  // namespace
}  // namespace extreq::host
