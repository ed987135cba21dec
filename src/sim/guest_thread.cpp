#include "sim/guest_thread.hpp"

#include <utility>

namespace extreq::sim {

GuestThread::GuestThread(Program program) : program_(std::move(program)) {}

GuestThread::~GuestThread() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void GuestThread::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Result<hypervisor::GuestExit> GuestThread::enter(std::uint64_t ghcb_msr) {
  std::unique_lock lock(mutex_);
  if (turn_ == Turn::host && !kicked_) {
    ghcb_msr_ = ghcb_msr;
    turn_ = Turn::guest;
    if (!thread_.joinable()) thread_ = std::thread([this] { main(); });
    changed_.notify_all();
  }
  changed_.wait(lock, [this] { return kicked_ || turn_ != Turn::guest; });
  // A guest that has left is reported first: its exit must not be lost to a kick.
  if (exit_pending_) {
    exit_pending_ = false;
    return hypervisor::Vmgexit{ghcb_msr_};
  }
  if (kicked_) {
    kicked_ = false;
    return hypervisor::Interrupted{};
  }
  return hypervisor::Shutdown{};
}

void GuestThread::kick() {
  {
    const std::scoped_lock lock(mutex_);
    kicked_ = true;
  }
  changed_.notify_all();
}

Result<std::uint64_t> GuestThread::vmgexit(std::uint64_t ghcb_msr) {
  std::unique_lock lock(mutex_);
  ghcb_msr_ = ghcb_msr;
  exit_pending_ = true;
  turn_ = Turn::host;
  changed_.notify_all();
  changed_.wait(lock, [this] { return stopping_ || turn_ == Turn::guest; });
  if (stopping_) return fail(Code::closed, "the virtual processor was taken away");
  return ghcb_msr_;
}

void GuestThread::main() {
  program_(*this);
  {
    const std::scoped_lock lock(mutex_);
    turn_ = Turn::ended;
  }
  changed_.notify_all();
}

}  // namespace extreq::sim
