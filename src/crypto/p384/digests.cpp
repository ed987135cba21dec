#include "crypto/p384/digests.hpp"

#include <algorithm>

#include "crypto/p384/sha384_lanes.hpp"

namespace extreq::crypto::p384 {
namespace {

// Fewer than this cost more side by side than one after the other.
constexpr std::size_t group_minimum = 3;

// Lanes to spare repeat the first message.
void digest_group(std::span<const ByteView> messages, std::span<Sha384Digest> digests) {
  const std::uint8_t* from[lanes];
  std::uint8_t* to[lanes];
  Sha384Digest unused;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const bool used = lane < messages.size();
    from[lane] = messages[used ? lane : 0].data();
    to[lane] = used ? digests[lane].data() : unused.data();
  }
  ifma_sha384(from, messages.front().size(), to);
}

}  // namespace

std::vector<Sha384Digest> sha384_of_each(std::span<const ByteView> messages) {
  std::vector<Sha384Digest> digests(messages.size());
  const bool side_by_side = ifma_available();
  for (std::size_t at = 0; at < messages.size();) {
    const auto group = messages.subspan(at, std::min(lanes, messages.size() - at));
    const auto other = std::ranges::find_if(
        group, [&](ByteView message) { return message.size() != group.front().size(); });
    const auto count = static_cast<std::size_t>(other - group.begin());
    if (side_by_side && count >= group_minimum) {
      digest_group(group.first(count), std::span(digests).subspan(at, count));
    } else {
      for (std::size_t i = at; i < at + count; ++i) digests[i] = sha384(messages[i]);
    }
    at += count;
  }
  return digests;
}

}  // namespace extreq::crypto::p384
