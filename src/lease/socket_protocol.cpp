#include "lease/socket_protocol.hpp"

#include <algorithm>
#include <array>

namespace extreq::lease::socket_protocol {
namespace {
constexpr std::array codes = {Code::invalid_input, Code::not_found,   Code::busy, Code::too_small,
                              Code::unsupported,   Code::not_genuine, Code::io,   Code::closed};
}  // namespace

std::uint32_t refusal_of(Code code) noexcept {
  const auto found = std::find(codes.begin(), codes.end(), code);
  return static_cast<std::uint32_t>(found - codes.begin()) + 1;
}

Code code_of(std::uint32_t refusal) noexcept {
  return refusal >= 1 && refusal <= codes.size() ? codes.at(refusal - 1) : Code::io;
}

}  // namespace extreq::lease::socket_protocol
