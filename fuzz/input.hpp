// Input: what libFuzzer found, as a script of numbers and bytes. It never ends: behind its end all
// is zero, and finished() says so.
// Threading: one thread.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/byte_reader.hpp"

namespace extreq::fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : reader_(ByteView(data, size)) {}

  [[nodiscard]] bool finished() const { return reader_.empty(); }
  [[nodiscard]] std::uint8_t u8() { return reader_.u8().value_or(0); }
  [[nodiscard]] std::uint16_t u16() { return reader_.u16().value_or(0); }
  [[nodiscard]] std::uint32_t u32() { return reader_.u32().value_or(0); }
  [[nodiscard]] std::uint64_t u64() { return reader_.u64().value_or(0); }
  [[nodiscard]] bool flag() { return (u8() & 1U) != 0; }
  [[nodiscard]] std::size_t below(std::size_t end) { return u16() % end; }

  // As many of `length` bytes as there are.
  [[nodiscard]] ByteView bytes(std::size_t length) {
    return reader_.view(std::min(length, reader_.remaining())).value_or(ByteView());
  }
  [[nodiscard]] ByteView rest() { return bytes(reader_.remaining()); }

  // The rest changes bytes of something good, each by its place and its new value.
  [[nodiscard]] Bytes rest_changes(Bytes bytes) {
    while (!finished()) {
      const std::size_t at = below(bytes.size());
      bytes[at] = u8();
    }
    return bytes;
  }

  template <class Table>
  [[nodiscard]] auto one_of(const Table& table) {
    return table.at(u8() % table.size());
  }

 private:
  ByteReader reader_;
};

// What must hold for every input. A crash is how a fuzzer reports.
inline void require(bool condition, const char* what) {
  if (condition) return;
  static_cast<void>(std::fprintf(stderr, "does not hold: %s\n", what));
  std::abort();
}

}  // namespace extreq::fuzz
