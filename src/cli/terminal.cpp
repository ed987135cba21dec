#include "cli/terminal.hpp"

#include <array>
#include <atomic>
#include <thread>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "base/try.hpp"

namespace extreq::cli {
namespace {

constexpr int poll_ms = 100;

// Raw mode while it lives, if standard input is a terminal.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    termios raw = saved_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &saved_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  RawTerminal(RawTerminal&&) = delete;
  RawTerminal& operator=(RawTerminal&&) = delete;

 private:
  termios saved_{};
  bool active_ = false;
};

void pass_keys(machine::Console& console, const std::atomic<bool>& done) {
  std::array<char, 256> keys{};
  while (!done) {
    pollfd file{STDIN_FILENO, POLLIN, 0};
    if (::poll(&file, 1, poll_ms) <= 0) continue;
    const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (got <= 0 || !console.write({keys.data(), static_cast<std::size_t>(got)})) return;
  }
}

}  // namespace

Result<int> run_terminal(machine::Machine& machine) {
  const RawTerminal raw;
  std::atomic<bool> done{false};
  std::thread keys([&] { pass_keys(machine.console(), done); });
  // The guest's init has made a session for it; the first terminal that it opens is its own.
  auto status = machine.control().run(
      {"/bin/sh", "-c", "exec /bin/sh -i </dev/ttyS0 >/dev/ttyS0 2>&1"},
      [](machine::GuestControl::Stream /*stream*/, std::string_view /*text*/) {},
      std::chrono::milliseconds(0));
  done = true;
  keys.join();
  return status;
}

}  // namespace extreq::cli
