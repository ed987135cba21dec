#include "hypervisor/shared_copy.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

[[nodiscard]] Bytes counting(std::size_t size) {
  Bytes bytes(size);
  std::uint8_t value = 0;
  for (std::uint8_t& byte : bytes) byte = ++value;
  return bytes;
}

TEST(SharedCopy, EveryAlignmentAndLengthIsCopiedExactly) {
  const Bytes source = counting(64);
  for (std::size_t start = 0; start < 16; ++start) {
    for (std::size_t length = 0; length <= 40; ++length) {
      const ByteView wanted = ByteView(source).subspan(start, length);
      Bytes read(length);
      copy_from_shared(read, source.data() + start);
      ASSERT_TRUE(std::equal(read.begin(), read.end(), wanted.begin())) << start << ' ' << length;

      Bytes target(64, 0xEE);
      copy_to_shared(target.data() + start, wanted);
      ASSERT_TRUE(std::equal(wanted.begin(), wanted.end(), target.data() + start));
      target.erase(target.begin() + static_cast<std::ptrdiff_t>(start),
                   target.begin() + static_cast<std::ptrdiff_t>(start + length));
      ASSERT_EQ(std::count(target.begin(), target.end(), 0xEE), 64 - static_cast<int>(length))
          << "bytes beside the target were changed";
    }
  }
}

TEST(SharedCopy, AnAlignedWordIsNeverTornByAConcurrentGuest) {
  alignas(8) std::array<std::uint8_t, 64> shared{};
  std::atomic<bool> stop{false};
  std::thread guest([&] {
    Bytes pattern(shared.size());
    for (std::uint8_t value = 0; !stop; ++value) {
      std::fill(pattern.begin(), pattern.end(), value);
      copy_to_shared(shared.data(), pattern);
    }
  });
  std::array<std::uint8_t, 64> copy{};
  for (int round = 0; round < 2000; ++round) {
    copy_from_shared(copy, shared.data());
    for (std::size_t word = 0; word < copy.size(); word += 8) {
      const auto begin = copy.begin() + static_cast<std::ptrdiff_t>(word);
      ASSERT_EQ(std::count(begin, begin + 8, *begin), 8);
    }
  }
  stop = true;
  guest.join();
}

}  // namespace
}  // namespace extreq::hypervisor
