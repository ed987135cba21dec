// GdbClient: the one interface to the emulator: its gdb stub on a private socket.
//
// Effect: breakpoints, registers, run until the next stop. Register writes are posted: they travel
// with the next resume in one piece, and their answers are checked before the next stop is
// reported. Acknowledgements are never sent: QEMU takes the next command for one, and a lone '+'
// would stop a guest that is already running.
// Failure: closed when the emulator has gone; busy when it did not answer in time; invalid_input
// when its answer makes no sense. After any failure the client is of no more use.
// Threading: one thread at a time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"
#include "machine/gdb_packet.hpp"
#include "machine/registers.hpp"

namespace extreq::machine {

class GdbClient {
 public:
  using Duration = std::chrono::milliseconds;

  // `socket` is a connected stream socket whose other end is the stub; the guest must be stopped.
  // `answer_time` bounds each answer of the stub while the guest is stopped.
  // Effect: agrees on the registers' layout, which must be that of x86-64.
  [[nodiscard]] static Result<GdbClient> connect(UniqueFd socket, Duration answer_time);

  [[nodiscard]] Status insert_breakpoint(std::uint64_t address);
  [[nodiscard]] Status remove_breakpoint(std::uint64_t address);
  [[nodiscard]] Result<Registers> read_registers();
  // Takes effect with the next resume() or step().
  void post_register(Register which, std::uint64_t value);
  // What the guest sees at a virtual address. Failure also: invalid_input if it is not mapped.
  [[nodiscard]] Result<Bytes> read_memory(std::uint64_t address, std::size_t size);
  // A command of QEMU's monitor, and what it printed.
  [[nodiscard]] Result<std::string> monitor(std::string_view command);

  // Runs one instruction and waits for its end.
  [[nodiscard]] Status step();

  enum class Stop : std::uint8_t { breakpoint, interrupted };
  // Lets the guest run until a breakpoint, or until `wakeup` (a file descriptor) becomes readable:
  // then the guest is stopped where it is. `run_time` bounds the whole; zero: no limit.
  [[nodiscard]] Result<Stop> run(int wakeup, Duration run_time);

 private:
  GdbClient(UniqueFd socket, Duration answer_time) noexcept
      : socket_(std::move(socket)), answer_time_(answer_time) {}

  using Deadline = std::chrono::steady_clock::time_point;
  [[nodiscard]] Status flush();
  // The next packet. `woken`, if given, is set and nothing returned when `wakeup` is readable.
  [[nodiscard]] Result<std::string> receive(Deadline deadline, int wakeup, bool* woken);
  [[nodiscard]] Result<std::string> answer();
  [[nodiscard]] Result<std::string> transact(std::string_view command);
  [[nodiscard]] Status expect_ok(std::string_view command);
  [[nodiscard]] Status check_posted();
  [[nodiscard]] Result<Stop> read_stop(const std::string& packet) const;

  UniqueFd socket_;
  Duration answer_time_;
  PacketDecoder decoder_;
  std::string outgoing_;
  std::size_t posted_ = 0;  // register writes whose answer has not been read
};

}  // namespace extreq::machine
