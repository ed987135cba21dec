#include "base/secret.hpp"

#include <cstring>

namespace extreq {

void wipe(std::span<std::uint8_t> bytes) noexcept {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

}  // namespace extreq
