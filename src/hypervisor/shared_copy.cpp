#include "hypervisor/shared_copy.hpp"

#include <algorithm>
#include <cstring>

namespace extreq::hypervisor {
namespace {

// The compiler is told that a word may overlay the bytes of any object, because it does here.
using Word [[gnu::may_alias]] = std::uint64_t;

[[nodiscard]] std::size_t bytes_to_alignment(const std::uint8_t* at) noexcept {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): only its remainder is used
  const std::size_t past = reinterpret_cast<std::uintptr_t>(at) % sizeof(Word);
  return past == 0 ? 0 : sizeof(Word) - past;
}

}  // namespace

void copy_from_shared(MutableByteView to, const std::uint8_t* from) noexcept {
  std::size_t done = 0;
  const auto byte = [&] {
    to[done] = __atomic_load_n(from + done, __ATOMIC_RELAXED);
    ++done;
  };
  const std::size_t head = std::min(bytes_to_alignment(from), to.size());
  while (done < head) byte();
  for (; to.size() - done >= sizeof(Word); done += sizeof(Word)) {
    const auto* word = static_cast<const Word*>(static_cast<const void*>(from + done));
    const std::uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
    std::memcpy(to.data() + done, &value, sizeof(value));
  }
  while (done < to.size()) byte();
}

void copy_to_shared(std::uint8_t* to, ByteView from) noexcept {
  std::size_t done = 0;
  const auto byte = [&] {
    __atomic_store_n(to + done, from[done], __ATOMIC_RELAXED);
    ++done;
  };
  const std::size_t head = std::min(bytes_to_alignment(to), from.size());
  while (done < head) byte();
  for (; from.size() - done >= sizeof(Word); done += sizeof(Word)) {
    std::uint64_t value = 0;
    std::memcpy(&value, from.data() + done, sizeof(value));
    auto* word = static_cast<Word*>(static_cast<void*>(to + done));
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
  }
  while (done < from.size()) byte();
}

}  // namespace extreq::hypervisor
