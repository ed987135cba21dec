#include "machine/child_process.hpp"

#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

namespace extreq::machine {
namespace {

using namespace std::chrono_literals;

bool exists(pid_t pid) { return ::kill(pid, 0) == 0; }

TEST(ChildProcess, GivesExitStatusAndWhatItWroteToStandardError) {
  auto child = ChildProcess::start({"/bin/sh", "-c", "echo broken >&2; exit 3"}, {});
  ASSERT_TRUE(child) << child.error().message;
  ASSERT_TRUE(child->wait(10s));
  EXPECT_EQ(child->last_words(), "exit status 3: broken");
}

TEST(ChildProcess, AnEndByASignalOrWithAnErrorIsNoSuccess) {
  const auto succeeds = [](const char* script) {
    auto child = ChildProcess::start({"/bin/sh", "-c", script}, {});
    EXPECT_TRUE(child && child->wait(10s));
    return child->succeeded();
  };
  EXPECT_TRUE(succeeds("exit 0"));
  EXPECT_FALSE(succeeds("exit 1"));
  EXPECT_FALSE(succeeds("kill -9 $$"));
  auto running = ChildProcess::start({"/bin/sleep", "1000"}, {});
  ASSERT_TRUE(running);
  EXPECT_FALSE(running->succeeded());
}

TEST(ChildProcess, AProgramThatDoesNotExistIsNotFound) {
  const auto child = ChildProcess::start({"no-such-program-anywhere"}, {});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::not_found);
}

TEST(ChildProcess, InheritsTheNamedDescriptorsAndNoOthers) {
  const UniqueFd named(::memfd_create("named", MFD_CLOEXEC));
  const UniqueFd other(::memfd_create("other", MFD_CLOEXEC));
  const std::string script =
      fmt::format("[ -e /proc/self/fd/{} ] && [ ! -e /proc/self/fd/{} ]", named.get(), other.get());
  auto child = ChildProcess::start({"/bin/sh", "-c", script}, {named.get()});
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait(10s));
  EXPECT_EQ(child->last_words(), "exit status 0");
}

TEST(ChildProcess, IsKilledWithItsOwner) {
  pid_t pid = -1;
  {
    auto child = ChildProcess::start({"/bin/sleep", "1000"}, {});
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_FALSE(child->wait(1ms));
    EXPECT_TRUE(exists(pid));
  }
  EXPECT_FALSE(exists(pid));
}

// The process in between is killed as kill -9 would: no destructor of it runs.
TEST(ChildProcess, DoesNotOutliveAnOwnerThatIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto child = ChildProcess::start({"/bin/sleep", "1000"}, {});
    const pid_t pid = child ? child->pid() : -1;
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(1);
    while (true) ::pause();
  }
  pid_t grandchild = -1;
  ASSERT_EQ(::read(ends[0], &grandchild, sizeof grandchild), ssize_t{sizeof grandchild});
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_GT(grandchild, 0);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  // It is killed by the kernel; whoever inherits it reaps it, which a test cannot wait for: a
  // zombie is dead too.
  bool dead = false;
  for (int i = 0; i < 5000 && !dead; ++i) {
    const std::string path = fmt::format("/proc/{}/status", grandchild);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    char text[512] = {};
    dead = !file || ::read(file.get(), text, sizeof text - 1) <= 0 ||
           std::string(text).find("State:\tZ") != std::string::npos;
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_TRUE(dead);
}

}  // namespace
}  // namespace extreq::machine
