#include "machine/gdb_client.hpp"

#include <algorithm>
#include <array>

#include <poll.h>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "base/try.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t read_size = 8192;
constexpr const char* features = "qSupported:xmlRegisters=i386";
constexpr const char* target_description = "qXfer:features:read:target.xml:0,ffb";
constexpr const char* core_feature = "i386-64bit.xml";
constexpr char interrupt_byte = 0x03;
constexpr std::string_view signal_interrupt = "02";
constexpr std::string_view signal_trap = "05";
constexpr unsigned breakpoint_kind = 1;
constexpr std::size_t memory_part = 1024;  // its answer fits the smallest packets of QEMU

}  // namespace

Result<GdbClient> GdbClient::connect(UniqueFd socket, Duration answer_time) {
  GdbClient client(std::move(socket), answer_time);
  EXTREQ_TRY_ASSIGN(const auto supported, client.transact(features));
  if (supported.find("qXfer:features:read+") == std::string::npos) {
    return fail(Code::unsupported, "gdb stub: offers '{}', no description of the target",
                supported);
  }
  // QEMU ignores register writes until the description has been read.
  EXTREQ_TRY_ASSIGN(const auto target, client.transact(target_description));
  if (target.find(core_feature) == std::string::npos) {
    return fail(Code::unsupported, "gdb stub: not an x86-64 target: {}", target.substr(0, 200));
  }
  EXTREQ_TRY_ASSIGN(const auto reason, client.transact("?"));
  EXTREQ_TRY_ASSIGN(const Stop ignored, client.read_stop(reason));
  static_cast<void>(ignored);
  return client;
}

Status GdbClient::flush() {
  std::string_view rest = outgoing_;
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
      return fail(Code::closed, "the emulator has ended");
    }
    if (sent < 0) return fail_errno("write to the gdb stub");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  outgoing_.clear();
  return {};
}

Result<std::string> GdbClient::receive(Deadline deadline, int wakeup, bool* woken) {
  while (true) {
    EXTREQ_TRY_ASSIGN(auto packet, decoder_.next());
    if (packet) return *std::move(packet);
    const auto now = std::chrono::steady_clock::now();
    // Each wait is cut, so that one far deadline does not overflow poll's argument.
    const auto left = std::min<std::chrono::milliseconds>(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - now), std::chrono::hours(1));
    if (left.count() <= 0) return fail(Code::busy, "gdb stub: no answer in time");
    std::array<pollfd, 2> files{{{socket_.get(), POLLIN, 0}, {wakeup, POLLIN, 0}}};
    const int ready = ::poll(files.data(), files.size(), static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return fail_errno("poll the gdb stub");
    if (ready <= 0) continue;
    if (files[0].revents != 0) {
      std::array<char, read_size> buffer{};
      const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got > 0) {
        decoder_.feed({buffer.data(), static_cast<std::size_t>(got)});
        continue;
      }
      if (got == 0 || errno == ECONNRESET) return fail(Code::closed, "the emulator has ended");
      if (errno != EAGAIN && errno != EINTR) return fail_errno("read from the gdb stub");
    }
    if (woken != nullptr && files[1].revents != 0) {
      *woken = true;
      return std::string();
    }
  }
}

Result<std::string> GdbClient::answer() {
  return receive(std::chrono::steady_clock::now() + answer_time_, -1, nullptr);
}

Status GdbClient::check_posted() {
  for (; posted_ > 0; --posted_) {
    EXTREQ_TRY_ASSIGN(const auto reply, answer());
    if (reply != "OK") {
      return fail(Code::invalid_input, "gdb stub: a register write was answered '{}'", reply);
    }
  }
  return {};
}

Result<std::string> GdbClient::transact(std::string_view command) {
  outgoing_ += make_packet(command);
  EXTREQ_TRY(flush());
  EXTREQ_TRY(check_posted());
  return answer();
}

Status GdbClient::expect_ok(std::string_view command) {
  EXTREQ_TRY_ASSIGN(const auto reply, transact(command));
  if (reply == "OK") return {};
  return fail(Code::invalid_input, "gdb stub: '{}' was answered '{}'", command, reply);
}

Status GdbClient::insert_breakpoint(std::uint64_t address) {
  return expect_ok(fmt::format("Z0,{:x},{}", address, breakpoint_kind));
}

Status GdbClient::remove_breakpoint(std::uint64_t address) {
  return expect_ok(fmt::format("z0,{:x},{}", address, breakpoint_kind));
}

Result<Registers> GdbClient::read_registers() {
  EXTREQ_TRY_ASSIGN(const auto reply, transact("g"));
  return parse_registers(reply);
}

void GdbClient::post_register(Register which, std::uint64_t value) {
  outgoing_ += make_packet(write_command(which, value));
  ++posted_;
}

Result<Bytes> GdbClient::read_memory(std::uint64_t address, std::size_t size) {
  Bytes content;
  while (content.size() < size) {
    const std::size_t part = std::min(size - content.size(), memory_part);
    EXTREQ_TRY_ASSIGN(const auto reply,
                      transact(fmt::format("m{:x},{:x}", address + content.size(), part)));
    const auto bytes = from_hex(reply);
    if (!bytes || bytes->size() != part) {
      return fail(Code::invalid_input, "gdb stub: {} bytes at {:#x} were answered '{}'", part,
                  address + content.size(), reply.substr(0, 16));
    }
    content.insert(content.end(), bytes->begin(), bytes->end());
  }
  return content;
}

Result<std::string> GdbClient::monitor(std::string_view command) {
  const Bytes raw = to_bytes(command);
  EXTREQ_TRY_ASSIGN(auto reply, transact("qRcmd," + to_hex(raw)));
  std::string text;
  while (reply != "OK") {
    if (reply.empty() || reply.front() != 'O') {
      return fail(Code::invalid_input, "gdb stub: monitor command '{}' was answered '{}'", command,
                  reply);
    }
    EXTREQ_TRY_ASSIGN(const auto part, from_hex(std::string_view(reply).substr(1)));
    text.append(part.begin(), part.end());
    EXTREQ_TRY_ASSIGN(reply, answer());
  }
  return text;
}

Status GdbClient::step() {
  EXTREQ_TRY_ASSIGN(const auto reply, transact("s"));
  EXTREQ_TRY_ASSIGN(const Stop ignored, read_stop(reply));
  static_cast<void>(ignored);
  return {};
}

Result<GdbClient::Stop> GdbClient::run(int wakeup, Duration run_time) {
  outgoing_ += make_packet("c");
  EXTREQ_TRY(flush());
  EXTREQ_TRY(check_posted());
  const auto deadline = run_time.count() > 0 ? std::chrono::steady_clock::now() + run_time
                                             : Deadline::max() - std::chrono::hours(24);
  bool woken = false;
  EXTREQ_TRY_ASSIGN(auto packet, receive(deadline, wakeup, &woken));
  if (woken) {
    // A guest that has stopped by itself meanwhile ignores the interrupt: one stop is reported.
    outgoing_ += interrupt_byte;
    EXTREQ_TRY(flush());
    EXTREQ_TRY_ASSIGN(packet, answer());
  }
  return read_stop(packet);
}

Result<GdbClient::Stop> GdbClient::read_stop(const std::string& packet) const {
  if (!packet.empty() && (packet[0] == 'W' || packet[0] == 'X')) {
    return fail(Code::closed, "the emulator has ended");
  }
  const std::string_view signal =
      std::string_view(packet).substr(std::min<std::size_t>(packet.size(), 1), 2);
  if (packet.empty() || (packet[0] != 'T' && packet[0] != 'S')) {
    return fail(Code::invalid_input, "gdb stub: a stop was expected, '{}' came", packet);
  }
  if (signal == signal_interrupt) return Stop::interrupted;
  if (signal == signal_trap) return Stop::breakpoint;
  return fail(Code::invalid_input, "gdb stub: the guest stopped with signal {}", signal);
}

}  // namespace extreq::machine
