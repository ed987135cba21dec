#include "tests/soak/family.hpp"

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/soak/readers.hpp"
#include "tests/soak/service.hpp"
#include "tests/soak/updater.hpp"

namespace extreq::soak {
namespace {

using namespace std::chrono_literals;

constexpr int library_readers = 6;
constexpr int socket_readers = 2;
constexpr unsigned service_dies_each = 4;
constexpr int life_max_ms = 500;
constexpr auto phase_wait_max = 2s;
constexpr auto look_interval = 100us;
constexpr int aim_max_us = 2000;  // how far into the phase

}  // namespace

Family::Family(const Scene& scene) : scene_(scene), lot_(scene.seed) {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw std::runtime_error("prctl");
}

pid_t Family::start(const std::function<void()>& body) const {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child != 0) return child;
  // Nobody goes on without the one who counts.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
  int code = 0;
  try {
    body();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}: {}\n", ::getpid(), failure.what());
    code = 1;
  }
  ::_exit(code);
}

void Family::start_service() {
  service_ = start([this] { keep_true(scene_); });
}

void Family::start_readers() {
  for (int i = 0; i < library_readers; ++i) {
    children_.insert(start([this] { read_requests(scene_, Kind::library); }));
  }
  children_.insert(start([this] { read_requests(scene_, Kind::foreign); }));
  children_.insert(start([this] { read_requests(scene_, Kind::foreign_keeping); }));
  for (int i = 0; i < socket_readers; ++i) {
    children_.insert(start([this] { read_requests(scene_, Kind::socket); }));
  }
}

bool Family::reap_one(bool wait) {
  int status = 0;
  const pid_t ended = ::waitpid(-1, &status, wait ? 0 : WNOHANG);
  if (ended <= 0) return false;
  const bool killed_by_us = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  bool victim = false;
  for (pid_t* const one : {&updater_, &service_}) {
    if (ended != *one) continue;
    *one = -1;
    victim = true;
  }
  const bool watched = children_.erase(ended) != 0 || victim;
  const bool well = (WIFEXITED(status) && WEXITSTATUS(status) == 0) || (victim && killed_by_us);
  if (watched && !well) {
    fmt::print(stderr, "process {} ended with status {:#x}\n", ended, status);
    ++scene_.shared->failures;
    scene_.shared->left = 0;
  }
  return true;
}

void Family::kill_somewhere(pid_t updater) {
  std::this_thread::sleep_for(std::chrono::milliseconds(lot_() % life_max_ms));
  const auto target = static_cast<Phase>(lot_() % phases);
  const auto deadline = system_clock().now() + phase_wait_max;
  while (scene_.shared->phase != target && system_clock().now() < deadline) {
    std::this_thread::sleep_for(look_interval);
  }
  // Half of the blows fall at once: some phases are short.
  if (lot_() % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(lot_() % aim_max_us));
  while (reap_one(false)) {
  }
  if (scene_.shared->left <= 0 || updater_ != updater) return;
  const auto phase = static_cast<std::size_t>(scene_.shared->phase.load());
  const bool both = lot_() % service_dies_each == 0;
  const pid_t service = service_;
  if (::kill(updater, SIGKILL) == 0) ++kills_.at(phase);
  if (both && service > 0 && ::kill(service, SIGKILL) == 0) ++service_kills_;
  const auto alive = [&] {
    return updater_ == updater || (both && service > 0 && service_ == service);
  };
  while (alive() && reap_one(true)) {
  }
  if (both) start_service();
}

void Family::run() {
  start_service();
  start_readers();
  for (std::uint64_t life = 0; scene_.shared->left > 0; ++life) {
    scene_.shared->phase = Phase::resting;
    updater_ = start([this, life] { change_tcb(scene_, life); });
    while (updater_ > 0 && scene_.shared->left > 0) kill_somewhere(updater_);
  }
  while (reap_one(true)) {
  }
}

}  // namespace extreq::soak
