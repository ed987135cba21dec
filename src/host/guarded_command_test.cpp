// The lock lasts as long as the command, whoever is killed: at each entry into and each return from
// a system call of the updater and of the keeper. The command closes every descriptor that it
// inherits.
#include "host/guarded_command.hpp"

#include <csignal>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/traced_child_test_tool.hpp"
#include "base/unique_fd.hpp"
#include "lease/blob_writer.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::host {
namespace {

class GuardedCommandTest : public lease::test::FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    // The keeper and the command of a killed updater become this process's children.
    ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }
  void TearDown() override { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

  void prepare() {
    ::unlink(started().c_str());
    ::unlink(changed().c_str());
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    command_input_.reset(ends[0]);
    command_end_.reset(ends[1]);
    lease_.unlock();
    leased_before_change_ = false;
    update_failed_ = false;
    auto file = lease::open_or_create_file(blob());
    ASSERT_TRUE(file) << file.error().message;
    file_ = *std::move(file);
  }

  // In a child: as `host update -- COMMAND` does it.
  void update() const {
    if (::dup2(command_input_.get(), STDIN_FILENO) != STDIN_FILENO) ::_exit(1);
    ::close(command_end_.get());
    lease::BlobWriter writer(blob());
    auto update = writer.begin(Clock::Duration::zero());
    if (!update || !update->tombstone()) ::_exit(1);
    EndingSignals signals;
    const auto done = run_guarded_command({EXTREQ_CLOSING_COMMAND, started(), changed()},
                                          update->lock_descriptor(), signals);
    if (!done) ::_exit(update_failed);
  }

  // Runs it on to its `step`th stop from here. Where that is behind a wait for the command's end,
  // the command is let go. False: it has ended before.
  bool run_to(test::TracedChild& child, int step) {
    std::optional<unsigned long long> call;
    for (int i = 0; i < step; ++i) {
      if (call == SYS_poll || call == SYS_wait4) command_end_.reset();
      call = child.next_stop();
      if (!call) return false;
    }
    return true;
  }

  // A guest: takes a lease as soon as it can, and keeps it.
  void take_lease() {
    if (lease_.held() || lease_.try_lock(file_.fd.get(), lease::LockMode::shared) != 0) return;
    leased_before_change_ = !exists(changed());
  }

  // Reaps. False: no child is left.
  bool reap(int options) {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(-1, &status, options)) > 0) {
      if (WIFEXITED(status) && WEXITSTATUS(status) == update_failed) update_failed_ = true;
    }
    return ended == 0;
  }

  // After a kill: what must be so whoever was killed. Gives whether the key was changed.
  bool settle(int step) {
    while (reap(WNOHANG) && !exists(started())) {
      take_lease();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    take_lease();
    command_end_.reset();
    reap(0);
    EXPECT_FALSE(leased_before_change_ && exists(changed()))
        << "the key changed beside a lease, step " << step;
    take_lease();
    EXPECT_TRUE(lease_.held()) << "the lock outlived the command, step " << step;
    return exists(changed());
  }

  [[nodiscard]] static bool exists(const std::string& file) {
    return ::access(file.c_str(), F_OK) == 0;
  }
  [[nodiscard]] std::string started() const { return path("started"); }
  [[nodiscard]] std::string changed() const { return path("key-changed"); }

  static constexpr int update_failed = 2;  // the updater's exit status
  UniqueFd command_input_;
  UniqueFd command_end_;  // the command works until it is closed
  lease::OpenFile file_;
  lease::OfdLock lease_;
  bool leased_before_change_ = false;
  bool update_failed_ = false;
};

TEST_F(GuardedCommandTest, AnUpdaterThatIsKilledAtAnyStepLeavesTheLockToTheCommand) {
  int changes = 0;
  int not_run = 0;
  bool ended = false;
  for (int step = 1; !ended && !HasFailure(); ++step) {
    ASSERT_LT(step, 1000);
    prepare();
    {
      test::TracedChild updater([this] { update(); });
      ended = !run_to(updater, step);
    }
    ++(settle(step) ? changes : not_run);
  }
  EXPECT_GT(changes, 5);
  EXPECT_GT(not_run, 5);
}

TEST_F(GuardedCommandTest, AKeeperThatIsKilledAtAnyStepLeavesTheLockToTheUpdater) {
  int changes = 0;
  int not_run = 0;
  bool ended = false;
  for (int step = 1; !ended && !HasFailure(); ++step) {
    ASSERT_LT(step, 1000);
    prepare();
    {
      test::TracedChild keeper([this] { update(); });
      ASSERT_TRUE(keeper.step_into_child(2)) << "there is no keeper";
      ended = !run_to(keeper, step);
    }
    const bool changed = settle(step);
    EXPECT_NE(changed, update_failed_) << "the updater says what happened, step " << step;
    ++(changed ? changes : not_run);
  }
  EXPECT_GT(changes, 2);
  EXPECT_GT(not_run, 5);
}

// The rest needs no lock: any descriptor stands for it.
class CommandTest : public testing::Test {
 protected:
  [[nodiscard]] std::string failure_of(std::vector<std::string> arguments) {
    const auto done = run_guarded_command(std::move(arguments), lock_.get(), signals_);
    return done ? "" : done.error().message;
  }

  const UniqueFd lock_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  EndingSignals signals_;
};

TEST_F(CommandTest, ItsEndIsTold) {
  EXPECT_EQ(failure_of({"true"}), "");
  EXPECT_EQ(failure_of({"sh", "-c", "exit 7"}), "sh: exit status 7");
  EXPECT_EQ(failure_of({"sh", "-c", "kill -KILL $$"}), "sh: killed by signal 9");
}

TEST_F(CommandTest, AProgramThatCannotBeRunIsNamed) {
  const auto missing = run_guarded_command({"no-such-program"}, lock_.get(), signals_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::not_found);
  EXPECT_EQ(failure_of({"no-such-program"}), "no-such-program: No such file or directory");
  EXPECT_EQ(failure_of({"/"}), "/: Permission denied");
}

TEST_F(CommandTest, ItHasTheLocksDescriptorAndNoOtherOfOurs) {
  const UniqueFd other(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto look = [this](const UniqueFd& fd) {
    return failure_of({"sh", "-c", "[ -e /proc/self/fd/" + std::to_string(fd.get()) + " ]"});
  };
  EXPECT_EQ(look(lock_), "");
  EXPECT_EQ(look(other), "sh: exit status 1");
}

TEST_F(CommandTest, AnUpdaterWhoseChildrenNobodyWaitsForLearnsItsEnd) {
  ::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(failure_of({"sh", "-c", "exit 7"}), "sh: exit status 7");
  struct sigaction after {};
  ::sigaction(SIGCHLD, nullptr, &after);
  EXPECT_EQ(after.sa_handler, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
}

TEST_F(CommandTest, AnEndingSignalIsPassedOnAndEndsOnlyTheCommand) {
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) {
    EndingSignals signals;
    ASSERT_TRUE(signals.hold());
    ASSERT_EQ(::kill(::getpid(), number), 0);
    const auto done = run_guarded_command({"sleep", "60"}, lock_.get(), signals);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, "sleep: killed by signal " + std::to_string(number));
  }
}

TEST_F(CommandTest, ASignalThatIsTheUpdatersOwnIsNotPassedOn) {
  ASSERT_TRUE(signals_.hold());
  for (const int number : {SIGPIPE, SIGALRM, SIGUSR1, SIGXCPU}) {
    ASSERT_EQ(::kill(::getpid(), number), 0);
  }
  EXPECT_EQ(failure_of({"sh", "-c", "exit 7"}), "sh: exit status 7");
  EXPECT_EQ(signals_.first(), SIGPIPE);
}

TEST_F(CommandTest, TheCommandHasTheSignalsAsTheUpdaterGotThem) {
  ::signal(SIGUSR1, SIG_IGN);
  ASSERT_TRUE(signals_.hold());
  EXPECT_EQ(failure_of({"sh", "-c", "kill -USR1 $$; exit 7"}), "sh: exit status 7");
  EXPECT_EQ(failure_of({"sh", "-c", "kill -TERM $$; exit 7"}), "sh: killed by signal 15");
  signals_.release();
  ::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
}  // namespace extreq::host
