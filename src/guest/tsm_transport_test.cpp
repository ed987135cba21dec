#include "guest/tsm_transport.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "abi/snp_firmware.hpp"
#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::guest {
namespace {

namespace fs = std::filesystem;
namespace snp = abi::snp;
using testing::HasSubstr;

constexpr unsigned mode = 0600;
constexpr std::size_t table_size = 5000;

ReportQuery query() {
  ReportQuery query;
  query.report_data.fill(0x42);
  query.vmpl = 2;
  return query;
}

Bytes report() {
  snp::AttestationReport report;
  report.version = 5;
  report.report_data.fill(0x42);
  report.vmpl = 2;
  return ByteBuilder().object(report).take();
}

// The kernel's side: a directory that comes with its files.
class TsmTransportTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create("tsm");
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    auto opened = TsmTransport::open(
        folder_->path(), {[this](const std::string& path) { return make(path); },
                          [this](const std::string& path) {
                            kept_ = {read_file(path + "/inblob", table_size).value_or(Bytes()),
                                     read_file(path + "/privlevel", table_size).value_or(Bytes())};
                            fs::remove_all(path);
                          }});
    ASSERT_TRUE(opened);
    transport_ = *std::move(opened);
  }

  int make(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0) return -1;
    ++entries_;
    for (const auto& [name, content] : files_) {
      if (!replace_file(path + '/' + name, content, mode)) return -1;
    }
    if (made_) made_(path);
    return 0;
  }

  std::optional<TemporaryDirectory> folder_;
  std::map<std::string, Bytes> files_{{"provider", to_bytes("sev_guest\n")},
                                      {"privlevel", {}},
                                      {"inblob", {}},
                                      {"generation", to_bytes("2\n")},
                                      {"outblob", report()},
                                      {"auxblob", Bytes(table_size, 7)}};
  std::function<void(const std::string&)> made_;
  std::pair<Bytes, Bytes> kept_;  // inblob and privlevel as they were in the end
  unsigned entries_ = 0;
  std::unique_ptr<TsmTransport> transport_;
};

TEST_F(TsmTransportTest, GivesReportAndTableAndTakesItsEntryAway) {
  const auto evidence = transport_->extended_report(query());
  ASSERT_TRUE(evidence) << evidence.error().error.message;
  EXPECT_EQ(evidence->report, report());
  EXPECT_EQ(evidence->certificate_table, Bytes(table_size, 7));
  EXPECT_EQ(evidence->notes.sends, 1U);
  EXPECT_EQ(kept_.first, Bytes(64, 0x42));
  EXPECT_EQ(kept_.second, to_bytes("2"));
  EXPECT_TRUE(fs::is_empty(folder_->path()));
}

TEST_F(TsmTransportTest, APlainReportLeavesTheTableAlone) {
  files_.erase("auxblob");
  const auto reply = transport_->report(query());
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->report, report());
}

TEST_F(TsmTransportTest, EachCallHasAnEntryOfItsOwn) {
  std::vector<std::string> seen;
  made_ = [&seen](const std::string& path) { seen.push_back(path); };
  ASSERT_TRUE(transport_->report(query()));
  ASSERT_TRUE(transport_->report(query()));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_NE(seen[0], seen[1]);
}

TEST_F(TsmTransportTest, AnEmptyTableIsAHostWithoutCertificates) {
  for (const Bytes& empty : {Bytes(), Bytes(4096)}) {
    files_["auxblob"] = empty;
    const auto evidence = transport_->extended_report(query());
    ASSERT_TRUE(evidence);
    EXPECT_TRUE(evidence->certificate_table.empty());
    EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::host_has_none);
  }
}

TEST_F(TsmTransportTest, AnotherProviderIsNotAsked) {
  files_["provider"] = to_bytes("tdx_guest\n");
  const auto failure = transport_->report(query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::unsupported);
  EXPECT_THAT(failure.error().error.message, HasSubstr("'tdx_guest'"));
  EXPECT_TRUE(kept_.first.empty());
}

TEST_F(TsmTransportTest, AnEntryThatSomebodyElseChangedIsBusy) {
  // Whoever reads the report waits for this writer, which first changes the generation.
  std::jthread writer;
  made_ = [&writer](const std::string& path) {
    fs::remove(path + "/outblob");
    ASSERT_EQ(::mkfifo((path + "/outblob").c_str(), mode), 0);
    writer = std::jthread([path] {
      std::ofstream outblob(path + "/outblob", std::ios::binary);
      EXPECT_TRUE(replace_file(path + "/generation", to_bytes("3\n"), mode));
      const Bytes content = report();
      outblob.write(std::string(content.begin(), content.end()).data(),
                    static_cast<std::streamsize>(content.size()));
    });
  };
  const auto failure = transport_->report(query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::busy);
}

TEST_F(TsmTransportTest, AReportThatWasNotAskedForIsNotTaken) {
  ReportQuery other = query();
  other.report_data.fill(0x43);
  EXPECT_EQ(transport_->report(other).error().error.code, Code::not_genuine);
  files_["outblob"] = Bytes(100);
  EXPECT_FALSE(transport_->report(query()));
  EXPECT_TRUE(fs::is_empty(folder_->path()));
}

TEST_F(TsmTransportTest, ABlobWithoutEndIsRefused) {
  files_["auxblob"] = Bytes(70000);
  const auto failure = transport_->extended_report(query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::too_small);
}

TEST_F(TsmTransportTest, WhatTheDirectoryCannotSayIsUnsupported) {
  ReportQuery chosen = query();
  chosen.key_sel = snp::key_sel_vcek;
  EXPECT_EQ(transport_->report(chosen).error().error.code, Code::unsupported);
  EXPECT_EQ(transport_->derived_key({}).error().error.code, Code::unsupported);
  EXPECT_EQ(transport_->drop_key().error().code, Code::unsupported);
  EXPECT_EQ(entries_, 0U);
}

TEST_F(TsmTransportTest, AFileThatIsNotThereIsNamed) {
  files_.erase("outblob");
  EXPECT_THAT(transport_->report(query()).error().error.message, HasSubstr("/outblob"));
}

TEST(TsmTransport, WithoutTheDirectoryThereIsNoTransport) {
  const auto folder = TemporaryDirectory::create("tsm");
  ASSERT_TRUE(folder);
  EXPECT_EQ(TsmTransport::open(folder->path() + "/report").error().code, Code::not_found);
}

TEST(TsmTransport, AnOrdinaryFolderIsNotTakenForConfigfs) {
  const auto folder = TemporaryDirectory::create("tsm");
  ASSERT_TRUE(folder);
  auto transport = TsmTransport::open(folder->path());
  ASSERT_TRUE(transport);
  EXPECT_FALSE((*transport)->report(query()));
  EXPECT_TRUE(fs::is_empty(folder->path()));
}

}  // namespace
}  // namespace extreq::guest
