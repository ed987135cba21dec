// Many threads and many processes on one platform: one command at a time, one state.
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using attestation::encode_tcb;
using attestation::Product;
using attestation::Tcb;

Tcb tcb_of(std::uint8_t microcode) {
  Tcb tcb = usual_firmware(Product::milan).tcb;
  tcb.microcode = microcode;
  return tcb;
}

snp::Config config_of(std::uint8_t microcode) {
  snp::Config config;
  config.reported_tcb = encode_tcb(tcb_of(microcode));
  return config;
}

// Runs `body` in a child and tells whether it was true there.
template <class Body>
bool true_in_a_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool result = false;
    try {
      result = body();
    } catch (const std::exception& failure) {
      fmt::print(stderr, "child: {}\n", failure.what());
    }
    ::_exit(result ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class Sharing : public testing::Test {
 protected:
  Sharing() { must(SecureProcessor::install(folder_, test_installation())); }
  [[nodiscard]] std::unique_ptr<SecureProcessor> open() const {
    return must(SecureProcessor::open(folder_));
  }
  TemporaryDirectory directory_ = must(TemporaryDirectory::create("extreq-sharing-"));
  std::string folder_ = directory_.path() + "/platform";
};

TEST_F(Sharing, TwoProcessesDeriveTheSameKeyAndServeTheSameCertificates) {
  const auto mine = open();
  TestGuest guest(*mine);
  const auto table = must(mine->certificate_table());
  EXPECT_TRUE(true_in_a_child([&] {
    const auto theirs = open();
    TestGuest other(*theirs);
    const auto vcek = must(theirs->kds().vcek(tcb_of(219)));
    return must(theirs->certificate_table()) == table && is_signed_by(other.report().report, vcek);
  }));
  EXPECT_TRUE(is_signed_by(guest.report().report, must(mine->kds().vcek(tcb_of(219)))));
}

TEST_F(Sharing, AChangeInOneProcessIsTheOthersNextState) {
  const auto mine = open();
  TestGuest guest(*mine);
  EXPECT_EQ(guest.report().report.reported_tcb, encode_tcb(tcb_of(219)));
  for (const std::uint8_t microcode : {std::uint8_t{5}, std::uint8_t{6}}) {
    EXPECT_TRUE(
        true_in_a_child([&] { return open()->set_config(config_of(microcode)).has_value(); }));
    const auto report = guest.report().report;
    EXPECT_EQ(report.reported_tcb, encode_tcb(tcb_of(microcode)));
    EXPECT_TRUE(is_signed_by(report, must(mine->kds().vcek(tcb_of(microcode)))));
  }
}

TEST_F(Sharing, GuestsBelongToTheirProcessor) {
  const auto a = open();
  const auto b = open();
  TestGuest guest(*a);
  EXPECT_EQ(must(a->platform_status()).guest_count, 1U);
  EXPECT_EQ(must(b->platform_status()).guest_count, 0U);
  message::Page page{};
  EXPECT_EQ(must(b->guest_request(guest.handle(), page, page)), snp::CommandStatus::invalid_guest);
}

TEST_F(Sharing, AKilledCommandLetsTheOthersGoOn) {
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    Options slow;
    slow.command_latency = std::chrono::hours(1);
    // Says so when it is inside a command: it never comes out of it.
    const auto processor = must(SecureProcessor::open(folder_, slow));
    std::thread([&] { (void)processor->platform_status(); }).detach();
    const auto lock_is_taken = [&] {
      const UniqueFd lock = must(FileLock::open_file(folder_ + "/lock"));
      return ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
    };
    while (!lock_is_taken()) std::this_thread::yield();
    (void)!::write(ready[1], "x", 1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(open()->platform_status());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(Sharing, ConcurrentInstallationsMakeOnePlatform) {
  const std::string folder = directory_.path() + "/contested";
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      const auto status = SecureProcessor::install(folder, test_installation());
      if (status) ++made;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  EXPECT_TRUE(SecureProcessor::open(folder));
}

// A process that waits for a lock of flock(2).
bool waits_for_a_lock(pid_t process) {
  std::ifstream locks("/proc/locks");
  const std::string owner = fmt::format(" {} ", process);
  for (std::string line; std::getline(locks, line);) {
    if (line.find("-> FLOCK") != std::string::npos && line.find(owner) != std::string::npos) {
      return true;
    }
  }
  return false;
}

TEST_F(Sharing, ProcessesThatBothFindNoPlatformBothOpenTheOneThatIsMade) {
  const std::string folder = directory_.path() + "/missing";
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  FileLock lock(must(FileLock::open_file(folder + "/lock")));
  std::array<pid_t, 2> children{};
  {
    const auto held = must(lock.lock());
    for (pid_t& child : children) {
      child = ::fork();
      if (child != 0) continue;
      const auto opened = SecureProcessor::open_or_install(folder, test_installation());
      if (!opened) fmt::print(stderr, "child: {}\n", opened.error().message);
      ::_exit(opened ? 0 : 1);
    }
    // Both have seen that there is none, and stand before its installation.
    for (const pid_t child : children) {
      while (!waits_for_a_lock(child) && ::waitpid(child, nullptr, WNOHANG) == 0) {
        std::this_thread::yield();
      }
    }
  }
  for (const pid_t child : children) {
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

// Guests ask while the reported TCB goes back and forth: each report is signed by the key of the
// TCB that it reports.
void expect_consistent_reports(std::vector<SecureProcessor*> processors, SecureProcessor& changer,
                               int reports) {
  constexpr std::uint8_t low = 100;
  constexpr std::uint8_t high = 101;
  must(changer.set_config(config_of(low)));
  std::atomic<bool> done = false;
  std::thread rotation([&] {
    for (std::uint8_t i = 0; !done; ++i) must(changer.set_config(config_of(i % 2 ? low : high)));
  });
  std::vector<std::thread> guests;
  for (auto* processor : processors) {
    guests.emplace_back([processor, reports] {
      TestGuest guest(*processor);
      for (int i = 0; i < reports; ++i) {
        const auto report = guest.report().report;
        const auto tcb =
            attestation::decode_tcb(report.reported_tcb, attestation::TcbLayout::milan);
        EXPECT_TRUE(tcb == tcb_of(low) || tcb == tcb_of(high));
        EXPECT_TRUE(is_signed_by(report, must(processor->kds().vcek(tcb))));
      }
      must(processor->decommission(guest.handle()));
    });
  }
  for (auto& guest : guests) guest.join();
  done = true;
  rotation.join();
}

TEST(SharingInMemory, ReportsFitTheirTcbWhileItChanges) {
  const auto processor = test_processor();
  auto* const one = processor.get();
  expect_consistent_reports({one, one, one}, *one, 20);
  EXPECT_EQ(must(processor->platform_status()).guest_count, 0U);
}

TEST_F(Sharing, ReportsFitTheirTcbWhileAnotherOpenerChangesIt) {
  const auto a = open();
  const auto b = open();
  const auto c = open();
  expect_consistent_reports({a.get(), b.get(), a.get()}, *c, 10);
}

}  // namespace
}  // namespace extreq::firmware::model
