// kill -9 at every step of a change of state: the old state or the new one is there.
//
// A child process is stopped at the entry of the n-th system call that changes files (ptrace) and
// killed there, for each n until it gets to its end: no timing, no luck. Killed at any other moment
// it leaves what it leaves at the next of these calls.
#include <algorithm>
#include <array>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/temporary_directory.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

enum class Outcome { killed, finished, failed, not_permitted };

constexpr int exit_ok = 0;
constexpr int exit_failed = 1;
constexpr int exit_not_permitted = 2;

bool changes_files(pid_t stopped) {
  struct __ptrace_syscall_info info {};
  const long size = ::ptrace(PTRACE_GET_SYSCALL_INFO, stopped, sizeof(info), &info);
  if (size <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  const auto call = static_cast<long>(info.entry.nr);
  if (call == SYS_openat) return (info.entry.args[2] & O_CREAT) != 0;
  constexpr std::array calls{SYS_write, SYS_fchmod, SYS_fsync, SYS_rename, SYS_mkdir, SYS_unlink};
  return std::ranges::find(calls, call) != calls.end();
}

// Runs prepare() freely, then what it returns up to the entry of its `step`-th call that
// changes_files().
Outcome run_until(unsigned step, const std::function<std::function<bool()>()>& prepare) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto work = prepare();
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(exit_not_permitted);
    ::raise(SIGSTOP);
    ::_exit(work() ? exit_ok : exit_failed);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status)) return Outcome::not_permitted;
  ::ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  for (unsigned calls = 0; calls < step;) {
    ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      return WEXITSTATUS(status) == exit_ok ? Outcome::finished : Outcome::failed;
    }
    if (changes_files(child)) ++calls;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  return Outcome::killed;
}

abi::snp::Config config_of(std::uint8_t microcode) {
  auto tcb = usual_firmware(attestation::Product::milan).tcb;
  tcb.microcode = microcode;
  abi::snp::Config config;
  config.reported_tcb = attestation::encode_tcb(tcb);
  return config;
}

std::uint8_t microcode_in(const std::string& folder) {
  const auto store = must(StateStore::open(folder));
  return must(store->take_turn()).state().reported_tcb.microcode;
}

TEST(StateCrash, AtEveryStepOfAChangeTheOldOrTheNewStateIsThere) {
  const auto directory = must(TemporaryDirectory::create("extreq-crash-"));
  const std::string folder = directory.path() + "/platform";
  must(SecureProcessor::install(folder, test_installation()));
  must(must(SecureProcessor::open(folder))->set_config(config_of(1)));
  std::uint8_t before = 1;
  unsigned old_seen = 0;
  unsigned new_seen = 0;
  for (unsigned step = 1;; ++step) {
    ASSERT_LT(step, 1000U);
    const auto after = static_cast<std::uint8_t>(before == 1 ? 2 : 1);
    const auto processor = must(SecureProcessor::open(folder));
    // The child has an open file description of its own for the lock, as any other process.
    const Outcome outcome = run_until(step, [&]() -> std::function<bool()> {
      const std::shared_ptr<SecureProcessor> own = must(SecureProcessor::open(folder));
      return [own, after] { return own->set_config(config_of(after)).has_value(); };
    });
    if (outcome == Outcome::not_permitted)
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: ptrace is not permitted here";
    ASSERT_NE(outcome, Outcome::failed);
    const std::uint8_t found = microcode_in(folder);
    ASSERT_TRUE(found == before || found == after) << "step " << step << ": " << +found;
    ++(found == before ? old_seen : new_seen);
    // Who had the platform open sees the same, and the next change works.
    ASSERT_EQ(must(processor->platform_status()).reported_tcb, config_of(found).reported_tcb);
    must(processor->set_config(config_of(after)));
    before = after;
    if (outcome == Outcome::finished) break;
  }
  EXPECT_GT(old_seen, 3U);
  EXPECT_GT(new_seen, 1U);
}

TEST(StateCrash, AtEveryStepOfAnInstallationItCanBeRepeated) {
  const auto directory = must(TemporaryDirectory::create("extreq-crash-"));
  const Installation installation = test_installation();
  unsigned repeated = 0;
  for (unsigned step = 1;; ++step) {
    ASSERT_LT(step, 5000U);
    const std::string folder = directory.path() + "/" + std::to_string(step);
    const Outcome outcome = run_until(step, [&]() -> std::function<bool()> {
      return [&] { return SecureProcessor::install(folder, installation).has_value(); };
    });
    if (outcome == Outcome::not_permitted)
      GTEST_SKIP() << "*** SKIPPED, NOT TESTED: ptrace is not permitted here";
    ASSERT_NE(outcome, Outcome::failed);
    auto opened = SecureProcessor::open(folder);
    if (!opened) {
      ASSERT_EQ(opened.error().code, Code::not_found) << opened.error().message;
      ++repeated;
      if (repeated % 8 == 1) {
        must(SecureProcessor::install(folder, installation));
        opened = SecureProcessor::open(folder);
        ASSERT_TRUE(opened) << opened.error().message;
      }
    }
    if (outcome == Outcome::finished) break;
  }
  EXPECT_GT(repeated, 20U);
}

}  // namespace
}  // namespace extreq::firmware::model
