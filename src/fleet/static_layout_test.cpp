#include "fleet/static_layout.hpp"

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.hpp"
#include "fleet/test_service.hpp"

namespace extreq::fleet {
namespace {

namespace fs = std::filesystem;

class StaticLayoutTest : public testing::Test {
 protected:
  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-layout").value();
  StaticLayout layout_{folder_.path()};
  ManualClock clock_{std::chrono::sys_seconds(std::chrono::seconds(1'790'000'000))};
  TestService service_{clock_};
};

TEST_F(StaticLayoutTest, AFileHasTheNameOfTheRequestForIt) {
  host::CertificateKey key{attestation::Product::milan,
                           host::KeyKind::vcek,
                           Bytes(64, 0x3f),
                           {std::nullopt, 4, 0, 22, 213}};
  std::string chip;
  for (int i = 0; i < 64; ++i) chip += "3f";
  EXPECT_EQ(layout_.path_of(key).value(), folder_.path() + "/vcek/v1/Milan/" + chip +
                                              "?blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213");
  key = {attestation::Product::turin, host::KeyKind::vcek, Bytes(8, 0xa0), {1, 4, 0, 22, 7}};
  EXPECT_EQ(layout_.path_of(key).value(),
            folder_.path() +
                "/vcek/v1/Turin/a0a0a0a0a0a0a0a0"
                "?fmcSPL=01&blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=07");
}

// nginx puts path, '?' and query together and opens that: a query leads out of the folder only if
// what stands before its first '/' is a folder.
TEST_F(StaticLayoutTest, NoFolderHasAQuestionMark) {
  ASSERT_TRUE(layout_.publish(service_.key(1), service_.leaf(1)));
  ASSERT_TRUE(layout_.publish(service_.key(2), service_.leaf(2)));
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    const bool named_by_a_query = entry.path().filename().string().find('?') != std::string::npos;
    EXPECT_EQ(named_by_a_query, entry.is_regular_file()) << entry.path();
    if (entry.is_regular_file()) ++files;
  }
  EXPECT_EQ(files, 2U);
}

TEST_F(StaticLayoutTest, WhatIsNoVcekOfTheProductHasNoPath) {
  auto key = service_.key(1);
  key.kind = host::KeyKind::vlek;
  EXPECT_EQ(layout_.path_of(key).error().code, Code::unsupported);
  key = service_.key(1);
  key.holder.pop_back();
  EXPECT_EQ(layout_.path_of(key).error().code, Code::invalid_input);
}

TEST_F(StaticLayoutTest, AFileIsTheDerAndReadableForTheWebServer) {
  const auto key = service_.key(1);
  ASSERT_TRUE(layout_.publish(key, service_.leaf(1)));
  const std::string path = layout_.path_of(key).value();
  EXPECT_EQ(read_file(path).value(), service_.leaf(1).der());
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U);
  const auto files = std::distance(fs::directory_iterator(fs::path(path).parent_path()), {});
  EXPECT_EQ(files, 1) << "nothing of the writing is left";
}

TEST_F(StaticLayoutTest, AFileNeverChanges) {
  const auto key = service_.key(1);
  ASSERT_TRUE(layout_.publish(key, service_.leaf(1)));
  ASSERT_TRUE(layout_.publish(key, service_.leaf(2)));
  EXPECT_EQ(read_file(layout_.path_of(key).value()).value(), service_.leaf(1).der());
}

TEST_F(StaticLayoutTest, AFolderThatCannotBeWrittenIsNamed) {
  ASSERT_TRUE(replace_file(folder_.path() + "/vcek", to_bytes("a file"), 0600));
  const auto done = layout_.publish(service_.key(1), service_.leaf(1));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find(folder_.path() + "/vcek"), std::string::npos);
}

}  // namespace
}  // namespace extreq::fleet
