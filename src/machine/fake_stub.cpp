#include "machine/fake_stub.hpp"

#include <array>
#include <cstdlib>

#include <sys/socket.h>

#include "base/byte_builder.hpp"
#include "machine/gdb_packet.hpp"

namespace extreq::machine::test {

FakeStub::FakeStub() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
  client_.reset(ends[0]);
  server_.reset(ends[1]);
  thread_ = std::thread([this] { serve(); });
}

FakeStub::~FakeStub() {
  ::shutdown(server_.get(), SHUT_RDWR);
  thread_.join();
}

void FakeStub::stop_with(const Registers& registers) {
  const std::lock_guard lock(mutex_);
  stops_.push_back(registers);
}

void FakeStub::answer(const std::string& command, const std::string& reply) {
  const std::lock_guard lock(mutex_);
  answers_[command] = reply;
}

void FakeStub::map(std::uint64_t from, std::uint64_t to) {
  const std::lock_guard lock(mutex_);
  mapped_[from] = to;
}

Registers FakeStub::registers() const {
  const std::lock_guard lock(mutex_);
  return registers_;
}

std::set<std::uint64_t> FakeStub::breakpoints() const {
  const std::lock_guard lock(mutex_);
  return breakpoints_;
}

void FakeStub::serve() {
  std::string packet;
  bool inside = false;
  unsigned digits = 0;
  char byte = 0;
  while (::recv(server_.get(), &byte, 1, 0) == 1) {
    const std::lock_guard lock(mutex_);
    if (running_) {
      if (byte != 0x03) ++disturbances_;
      running_ = false;
      reply("T02thread:01;");
      continue;
    }
    if (!inside) {
      inside = byte == '$';
      packet.clear();
      continue;
    }
    if (digits == 0 && byte != '#') {
      packet.push_back(byte);
      continue;
    }
    if (++digits <= 2) continue;
    digits = 0;
    inside = false;
    take(packet);
    if (end_ && packet == "c") break;
  }
  ::shutdown(server_.get(), SHUT_RDWR);
}

void FakeStub::reply(const std::string& payload) {
  const std::string text = "+" + make_packet(payload);
  static_cast<void>(::send(server_.get(), text.data(), text.size(), MSG_NOSIGNAL));
}

void FakeStub::run() {
  if (end_) return;
  if (stops_.empty()) {
    running_ = true;
    return;
  }
  registers_ = stops_.front();
  stops_.pop_front();
  reply("T05thread:01;");
}

std::string FakeStub::read_registers() const {
  ByteBuilder bytes;
  for (std::size_t i = 0; i + 1 < register_count; ++i) bytes.u64(registers_.values[i]);
  bytes.u32(static_cast<std::uint32_t>(registers_.values[register_count - 1])).zeros(200);
  return to_hex(bytes.view());
}

std::string FakeStub::monitor(const std::string& hex) {
  const Bytes raw = from_hex(hex).value();
  const std::string command(raw.begin(), raw.end());
  const std::uint64_t address =
      std::strtoull(command.substr(command.find("0x")).c_str(), nullptr, 16);
  const auto found = mapped_.find(address);
  const std::string text =
      found == mapped_.end() ? "Unmapped\n" : fmt::format("gpa: {:#x}\n", found->second);
  return "O" + to_hex(to_bytes(text));
}

void FakeStub::take(const std::string& command) {
  for (const auto& [start, text] : answers_) {
    if (command.rfind(start, 0) == 0) return reply(text);
  }
  if (command.rfind("qSupported", 0) == 0) return reply("PacketSize=1000;qXfer:features:read+");
  if (command.rfind("qXfer", 0) == 0) return reply("l<xi:include href=\"i386-64bit.xml\"/>");
  if (command == "?") return reply("T05thread:01;");
  if (command == "g") return reply(read_registers());
  if (command == "c") return run();
  if (command == "s") {
    ++steps_;
    return reply("T05thread:01;");
  }
  if (command.rfind("qRcmd,", 0) == 0) {
    reply(monitor(command.substr(6)));
    return reply("OK");
  }
  if (command[0] == 'P') {
    const std::size_t equals = command.find('=');
    const auto index = std::strtoul(command.substr(1, equals - 1).c_str(), nullptr, 16);
    Bytes value = from_hex(command.substr(equals + 1)).value();
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < value.size(); ++i) number |= std::uint64_t{value[i]} << (8 * i);
    registers_.values.at(index) = number;
    return reply("OK");
  }
  if (command.rfind("Z0,", 0) == 0 || command.rfind("z0,", 0) == 0) {
    const std::uint64_t address = std::strtoull(command.c_str() + 3, nullptr, 16);
    if (command[0] == 'Z') {
      breakpoints_.insert(address);
    } else {
      breakpoints_.erase(address);
    }
    return reply("OK");
  }
  reply("");
}

}  // namespace extreq::machine::test
