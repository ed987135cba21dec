#include "host/publisher.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/test_platform.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

class PublisherTest : public testing::Test {
 protected:
  TestPlatform platform_;
  lease::BlobWriter writer_{platform_.blob()};
  Publisher publisher_{writer_, platform_.processor(), platform_.provider()};

  static Result<Bytes> no_service(const SigningState&) {
    return fail(Code::io, "the key service does not answer");
  }
  [[nodiscard]] BlobFinding finding() {
    const auto look = look_at_blob(platform_.blob(), platform_.processor(), 0s);
    return look ? look->finding : BlobFinding::unreadable;
  }
  PassReport pass(Publisher& publisher, Renew renew = Renew::if_needed) {
    auto report = publisher.pass(50ms, renew);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(PassReport());
  }
  void write_blob(ByteView bytes) const {
    const auto file = lease::open_or_create_file(platform_.blob());
    ASSERT_TRUE(file);
    ASSERT_EQ(lease::write_at(file->fd.get(), 0, bytes), 0);
    ASSERT_EQ(::ftruncate(file->fd.get(), static_cast<off_t>(bytes.size())), 0);
  }
};

TEST_F(PublisherTest, CertificatesOfAnotherProvidersVlekAreWithdrawnAndNeverPublished) {
  platform_.load_vlek("A", "A");
  ASSERT_TRUE(pass(publisher_).published);
  const auto of_a = platform_.served();
  ASSERT_TRUE(of_a);
  // Somebody loads B's without the lock; for all that is at hand, there is nothing but A's.
  platform_.load_vlek("B", "B");
  Publisher only_a(writer_, platform_.processor(), [&](const SigningState&) { return *of_a; });
  const auto report = pass(only_a);
  EXPECT_EQ(report.found, BlobFinding::other_key);
  EXPECT_TRUE(report.withdrawn);
  EXPECT_FALSE(report.published);
  ASSERT_TRUE(report.problem);
  EXPECT_THAT(report.problem->message, testing::HasSubstr("is of provider A"));
  EXPECT_EQ(finding(), BlobFinding::no_table);
  EXPECT_TRUE(pass(publisher_).published) << "B's";
}

TEST_F(PublisherTest, WithoutTheProvidersNameALoadedVlekGetsNoCertificates) {
  platform_.load_vlek("A", "A");
  ASSERT_TRUE(pass(publisher_).published);
  platform_.load_vlek("A", "");
  const auto report = pass(publisher_);
  EXPECT_TRUE(report.withdrawn);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(finding(), BlobFinding::no_table);
  platform_.load_vlek("A", "A");
  EXPECT_TRUE(pass(publisher_).published);
}

TEST_F(PublisherTest, AMissingBlobIsMadeAndFilled) {
  const auto report = pass(publisher_);
  EXPECT_EQ(report.found, BlobFinding::missing);
  EXPECT_TRUE(report.published);
  EXPECT_FALSE(report.withdrawn);
  EXPECT_FALSE(report.problem);
  EXPECT_EQ(platform_.served(), report.table);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, WhatFitsIsLeftAloneAndTheProviderNotAsked) {
  pass(publisher_);
  const int asked = platform_.asked;
  const auto report = pass(publisher_);
  EXPECT_EQ(report.found, BlobFinding::fits);
  EXPECT_FALSE(report.published);
  EXPECT_EQ(platform_.asked, asked);
}

TEST_F(PublisherTest, ATableForAnotherKeyIsReplaced) {
  pass(publisher_);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  EXPECT_EQ(finding(), BlobFinding::other_key);
  const auto report = pass(publisher_);
  EXPECT_TRUE(report.withdrawn);
  EXPECT_TRUE(report.published);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, GuestsGetTheEmptyTableWhileTheRightOneIsFetched) {
  pass(publisher_);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  std::optional<BlobFinding> while_fetching;
  Publisher slow(writer_, platform_.processor(), [&](const SigningState& state) {
    while_fetching = finding();  // it needs the lock: nobody holds it
    return platform_.provider()(state);
  });
  pass(slow);
  EXPECT_EQ(while_fetching, BlobFinding::no_table);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, AStateThatChangesDuringTheFetchGetsItsOwnTable) {
  int calls = 0;
  Publisher raced(writer_, platform_.processor(), [&](const SigningState& state) {
    auto table = platform_.provider()(state);
    if (++calls == 1) {
      EXPECT_TRUE(platform_.report_tcb(tcb_new));
    }
    return table;
  });
  const auto report = pass(raced);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(report.state.reported_tcb, attestation::encode_tcb(tcb_new));
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, AStateThatChangesAtEachFetchEndsWithTheEmptyTable) {
  bool to_new = false;
  Publisher raced(writer_, platform_.processor(), [&](const SigningState& state) {
    auto table = platform_.provider()(state);
    to_new = !to_new;
    EXPECT_TRUE(platform_.report_tcb(to_new ? tcb_new : tcb_old));
    return table;
  });
  const auto report = pass(raced);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(report.problem->code, Code::busy);
  EXPECT_EQ(finding(), BlobFinding::no_table);
}

TEST_F(PublisherTest, ATableForAnotherStateIsNeverPublished) {
  SigningState another = read_signing_state(platform_.processor()).value();
  another.reported_tcb = attestation::encode_tcb(tcb_new);
  const auto wrong = platform_.provider()(another);
  ASSERT_TRUE(wrong);
  Publisher lying(writer_, platform_.processor(), [&](const SigningState&) { return wrong; });
  const auto report = pass(lying);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(report.problem->code, Code::invalid_input);
  EXPECT_EQ(finding(), BlobFinding::no_table);
}

TEST_F(PublisherTest, AnOutageTakesNothingFromTheGuests) {
  pass(publisher_);
  const auto served = platform_.served();
  Publisher offline(writer_, platform_.processor(), no_service);
  const auto report = pass(offline, Renew::always);
  EXPECT_FALSE(report.problem);
  ASSERT_TRUE(report.warning);
  EXPECT_EQ(report.warning->message, "the key service does not answer");
  EXPECT_EQ(platform_.served(), served);
}

TEST_F(PublisherTest, InAnOutageATableThatNoLongerFitsIsStillWithdrawn) {
  pass(publisher_);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  Publisher offline(writer_, platform_.processor(), no_service);
  const auto report = pass(offline);
  EXPECT_TRUE(report.withdrawn);
  EXPECT_TRUE(report.problem);
  EXPECT_EQ(finding(), BlobFinding::no_table);
}

TEST_F(PublisherTest, ATornTableIsRepaired) {
  pass(publisher_);
  Bytes torn = *platform_.served();
  torn.resize(torn.size() / 2);
  write_blob(torn);
  EXPECT_EQ(finding(), BlobFinding::damaged);
  EXPECT_TRUE(pass(publisher_).published);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, ABlobThatIsFarTooLargeIsRepaired) {
  write_blob(Bytes(lease::table_size_limit + 1, 1));
  EXPECT_TRUE(pass(publisher_).published);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

TEST_F(PublisherTest, WithMaskedKeysTheEmptyTableIsRight) {
  pass(publisher_);
  abi::snp::Config config;
  config.flags = abi::snp::config_flags::mask_chip_key;
  ASSERT_TRUE(platform_.processor().set_config(config));
  const auto report = pass(publisher_);
  EXPECT_TRUE(report.withdrawn);
  EXPECT_FALSE(report.published);
  EXPECT_FALSE(report.problem);
  EXPECT_EQ(pass(publisher_).found, BlobFinding::fits);
}

TEST_F(PublisherTest, AnUpdateUnderWayIsLeftInPeace) {
  pass(publisher_);
  auto update = writer_.begin(1s);
  ASSERT_TRUE(update);
  lease::BlobWriter other(platform_.blob());
  Publisher second(other, platform_.processor(), platform_.provider());
  const auto report = pass(second);
  EXPECT_EQ(report.found, BlobFinding::under_update);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(report.problem->code, Code::busy);
}

TEST_F(PublisherTest, GuestsThatDoNotLetGoAreNamed) {
  pass(publisher_);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  lease::BlobSource source(platform_.blob());
  const auto holder = source.open_holder();
  ASSERT_TRUE((*holder)->acquire(1s));
  const auto report = pass(publisher_);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(report.problem->code, Code::busy);
  EXPECT_THAT(report.problem->message, testing::HasSubstr("process"));
  (*holder)->release();
  pass(publisher_);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

// A limit on the size of files stands for a full disk: it holds for root too.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t limit) {
    ::signal(SIGXFSZ, SIG_IGN);  // NOLINT(bugprone-signal-handler): none is installed
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{limit, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() { ::setrlimit(RLIMIT_FSIZE, &before_); }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;
  SmallFiles(SmallFiles&&) = delete;
  SmallFiles& operator=(SmallFiles&&) = delete;

 private:
  rlimit before_{};
};

TEST_F(PublisherTest, OnAFullDiskARenewalLeavesTheOldTable) {
  pass(publisher_);
  const Bytes old_table = *platform_.served();
  Publisher longer(writer_, platform_.processor(), [&](const SigningState&) -> Result<Bytes> {
    Bytes table = old_table;
    table.resize(table.size() + 1000);  // as a CRL would make it
    return table;
  });
  PassReport report;
  {
    const SmallFiles limit(old_table.size());
    report = pass(longer, Renew::always);
  }
  EXPECT_FALSE(report.problem);
  ASSERT_TRUE(report.warning);
  EXPECT_THAT(report.warning->message, testing::HasSubstr(platform_.blob()));
  EXPECT_EQ(platform_.served(), old_table);
}

TEST_F(PublisherTest, OnAFullDiskAStaleTableBecomesTheEmptyOne) {
  pass(publisher_);
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  {
    const SmallFiles limit(100);
    const auto report = pass(publisher_);
    EXPECT_TRUE(report.withdrawn);
    ASSERT_TRUE(report.problem);
    EXPECT_EQ(report.problem->code, Code::io);
  }
  EXPECT_EQ(finding(), BlobFinding::no_table);
  EXPECT_TRUE(pass(publisher_).published);
}

// As somebody whom the folder's mode binds: root it does not. Gives what `pass` found wrong.
std::string said_without_permission(const std::function<std::string()>& pass) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0) ::_exit(1);
    const std::string text = pass();
    ::_exit(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0
                                                                                            : 1);
  }
  ::close(ends[1]);
  std::string said(4096, ' ');
  const ssize_t size = ::read(ends[0], said.data(), said.size());
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return said;
}

TEST_F(PublisherTest, InAReadOnlyFolderTheErrorNamesTheBlobWhichStaysAsItWas) {
  pass(publisher_);
  const Bytes old_table = *platform_.served();
  const std::string folder = platform_.blob().substr(0, platform_.blob().rfind('/'));
  ASSERT_EQ(::chmod(platform_.blob().c_str(), 0444), 0);
  ASSERT_EQ(::chmod(folder.c_str(), 0555), 0);
  const auto renew = [&]() -> std::string {
    lease::BlobWriter writer(platform_.blob());
    Publisher longer(writer, platform_.processor(), [&](const SigningState&) -> Result<Bytes> {
      Bytes table = old_table;
      table.resize(table.size() + 1000);
      return table;
    });
    const auto report = longer.pass(50ms, Renew::always);
    return report && report->warning && !report->problem ? report->warning->message : "no warning";
  };
  const std::string said = said_without_permission(renew);
  EXPECT_THAT(said, testing::HasSubstr(platform_.blob()));
  EXPECT_THAT(said, testing::HasSubstr("Permission denied"));
  EXPECT_EQ(platform_.served(), old_table);

  ASSERT_EQ(::unlink(platform_.blob().c_str()), 0);
  const std::string missing = said_without_permission([&]() -> std::string {
    lease::BlobWriter writer(platform_.blob());
    Publisher publisher(writer, platform_.processor(), platform_.provider());
    const auto report = publisher.pass(50ms, Renew::if_needed);
    return report && report->problem ? report->problem->message : "no problem";
  });
  ASSERT_EQ(::chmod(folder.c_str(), 0755), 0);
  EXPECT_THAT(missing, testing::HasSubstr(platform_.blob()));
  EXPECT_THAT(missing, testing::HasSubstr("Permission denied"));
  EXPECT_TRUE(pass(publisher_).published) << "with permission it goes on";
}

TEST_F(PublisherTest, WithoutTheFolderTheErrorNamesIt) {
  lease::BlobWriter nowhere(platform_.blob() + ".d/host.blob");
  Publisher publisher(nowhere, platform_.processor(), platform_.provider());
  const auto report = pass(publisher);
  ASSERT_TRUE(report.problem);
  EXPECT_EQ(report.problem->code, Code::not_found);
  EXPECT_THAT(report.problem->message, testing::HasSubstr(".d/host.blob"));
}

TEST_F(PublisherTest, ARemovedBlobComesBack) {
  pass(publisher_);
  ASSERT_EQ(::unlink(platform_.blob().c_str()), 0);
  EXPECT_TRUE(pass(publisher_).published);
  EXPECT_EQ(finding(), BlobFinding::fits);
}

}  // namespace
}  // namespace extreq::host
