#include "machine/console.hpp"

#include <array>
#include <utility>

#include <sys/socket.h>

namespace extreq::machine {
namespace {

constexpr std::size_t kept_text_max = 4096;

}  // namespace

Console::Console(UniqueFd port, Sink sink)
    : port_(std::move(port)), sink_(std::move(sink)), thread_([this] { pump(); }) {}

Console::~Console() {
  ::shutdown(port_.get(), SHUT_RDWR);
  thread_.join();
}

void Console::pump() {
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = ::recv(port_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    keep(text);
    sink_(text);
  }
}

void Console::keep(std::string_view text) {
  const std::lock_guard lock(mutex_);
  last_words_.append(text);
  if (last_words_.size() > kept_text_max) {
    last_words_.erase(0, last_words_.size() - kept_text_max);
  }
}

std::string Console::last_words() const {
  const std::lock_guard lock(mutex_);
  return last_words_;
}

Status Console::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(port_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail(Code::closed, "console: the machine has ended");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

}  // namespace extreq::machine
