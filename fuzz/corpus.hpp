// Corpus: the folders of seeds that make_corpus writes, ROOT/FUZZER/NAME.
// Failure: std::runtime_error. Threading: one thread.
#pragma once

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stdexcept>
#include <string>

#include "base/byte_builder.hpp"

namespace extreq::fuzz {

class Corpus {
 public:
  explicit Corpus(std::filesystem::path root) : root_(std::move(root)) {}

  void seed(const std::string& fuzzer, const std::string& name, ByteView bytes) const {
    const auto folder = root_ / fuzzer;
    std::filesystem::create_directories(folder);
    std::ofstream file(folder / name, std::ios::binary);
    for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
    if (!file) throw std::runtime_error("cannot write " + (folder / name).string());
  }

 private:
  std::filesystem::path root_;
};

// `first`, then the parts.
inline Bytes repeated(std::uint8_t first, std::initializer_list<Bytes> parts) {
  ByteBuilder builder;
  builder.u8(first);
  for (const Bytes& part : parts) builder.bytes(part);
  return builder.take();
}

}  // namespace extreq::fuzz
