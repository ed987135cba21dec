#include "machine/child_process.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/try.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t last_words_max = 4096;
constexpr auto poll_interval = std::chrono::milliseconds(2);
constexpr int exec_failed = 127;

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  folders.push_back(':');
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = folders.find(':', at);
    const std::string file = folders.substr(at, end - at) + '/' + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return fail(Code::not_found, "program {} is not in $PATH", name);
}

// In the child, between fork and exec: only what a signal handler may do.
[[noreturn]] void become(const char* program, char* const* argv, const std::vector<int>& inherited,
                         int null, int errors, pid_t parent) noexcept {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(exec_failed);  // it ended before the line above
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(null, STDIN_FILENO);
  ::dup2(errors, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  for (const int fd : inherited) ::fcntl(fd, F_SETFD, 0);
  ::execv(program, argv);
  ::_exit(exec_failed);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments,
                                         const std::vector<int>& inherited) {
  EXTREQ_TRY_ASSIGN(const std::string program, find_program(arguments.at(0)));
  std::array<int, 2> ends{};
  // Not blocking on either side: a child that complains a lot loses words rather than time.
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno("pipe for {}", program);
  UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return fail_errno("open /dev/null");

  std::vector<std::string> copies = arguments;
  std::vector<char*> argv;
  argv.reserve(copies.size() + 1);
  for (auto& copy : copies) argv.push_back(copy.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("fork for {}", program);
  if (pid == 0) {
    become(program.c_str(), argv.data(), inherited, null.get(), writing.get(), parent);
  }
  return ChildProcess(pid, std::move(reading));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      wait_status_(other.wait_status_),
      errors_(std::move(other.errors_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
    wait_status_ = other.wait_status_;
    errors_ = std::move(other.errors_);
  }
  return *this;
}

bool ChildProcess::wait(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (pid_ > 0 && !wait_status_) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) wait_status_ = status;
    if (ended < 0 && errno != EINTR) wait_status_ = 0;
    if (wait_status_ || std::chrono::steady_clock::now() >= deadline) break;
    std::this_thread::sleep_for(poll_interval);
  }
  return pid_ <= 0 || wait_status_.has_value();
}

void ChildProcess::kill() noexcept {
  if (pid_ <= 0 || wait_status_) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // if it had not made its group yet
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  wait_status_ = status;
}

bool ChildProcess::succeeded() const noexcept {
  return wait_status_ && WIFEXITED(*wait_status_) && WEXITSTATUS(*wait_status_) == 0;
}

std::string ChildProcess::last_words() {
  std::string text;
  if (!wait_status_) {
    text = "still running";
  } else if (WIFSIGNALED(*wait_status_)) {
    text = fmt::format("signal {}", WTERMSIG(*wait_status_));
  } else {
    text = fmt::format("exit status {}", WEXITSTATUS(*wait_status_));
  }
  std::string written;
  std::array<char, last_words_max> buffer{};
  while (true) {
    const ssize_t got = ::read(errors_.get(), buffer.data(), buffer.size());
    if (got <= 0) break;
    written.append(buffer.data(), static_cast<std::size_t>(got));
    if (written.size() > last_words_max) written.erase(0, written.size() - last_words_max);
  }
  while (!written.empty() && written.back() == '\n') written.pop_back();
  return written.empty() ? text : text + ": " + written;
}

}  // namespace extreq::machine
