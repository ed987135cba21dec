// FakeStub: a gdb stub for tests, on a thread of its own: a processor with registers, breakpoints,
// and a list of addresses at which the guest stops.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/unique_fd.hpp"
#include "machine/registers.hpp"

namespace extreq::machine::test {

class FakeStub {
 public:
  FakeStub();
  ~FakeStub();
  FakeStub(const FakeStub&) = delete;
  FakeStub& operator=(const FakeStub&) = delete;
  FakeStub(FakeStub&&) = delete;
  FakeStub& operator=(FakeStub&&) = delete;

  // The client's end; once.
  [[nodiscard]] UniqueFd take_client() noexcept { return std::move(client_); }

  // Each 'c' uses up one: registers as they are when the guest stops next. With none left the
  // guest runs until it is interrupted.
  void stop_with(const Registers& registers);
  // Instead of a stop: the emulator ends.
  void end_at_next_run() { end_ = true; }
  // Answers this command (its start) so from now on, instead of as usual.
  void answer(const std::string& command, const std::string& reply);
  // Virtual to physical, for the monitor's gva2gpa.
  void map(std::uint64_t from, std::uint64_t to);

  [[nodiscard]] Registers registers() const;
  [[nodiscard]] std::set<std::uint64_t> breakpoints() const;
  [[nodiscard]] unsigned steps() const noexcept { return steps_; }
  // Bytes that came while the guest was running, other than the interrupt: QEMU would stop for
  // them.
  [[nodiscard]] unsigned disturbances() const noexcept { return disturbances_; }

 private:
  void serve();
  void take(const std::string& command);
  void reply(const std::string& payload);
  void run();
  [[nodiscard]] std::string read_registers() const;
  [[nodiscard]] std::string monitor(const std::string& hex);

  UniqueFd client_;
  UniqueFd server_;
  mutable std::mutex mutex_;
  Registers registers_;
  std::deque<Registers> stops_;
  std::map<std::string, std::string> answers_;
  std::map<std::uint64_t, std::uint64_t> mapped_;
  std::set<std::uint64_t> breakpoints_;
  std::atomic<bool> end_{false};
  std::atomic<unsigned> steps_{0};
  std::atomic<unsigned> disturbances_{0};
  bool running_ = false;
  std::thread thread_;
};

}  // namespace extreq::machine::test
