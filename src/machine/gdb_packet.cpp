#include "machine/gdb_packet.hpp"

#include <cstdint>
#include <numeric>

#include "base/bytes.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t packet_max = 65536;
constexpr char escape_xor = 0x20;
constexpr char run_base = 29;  // a repeat count is sent as count + 29
constexpr std::size_t checksum_digits = 2;

std::uint8_t checksum(std::string_view payload) noexcept {
  return std::accumulate(
      payload.begin(), payload.end(), std::uint8_t{0}, [](std::uint8_t sum, char character) {
        return static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(character));
      });
}

std::string expand(std::string_view raw) {
  std::string text;
  text.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '}' && i + 1 < raw.size()) {
      text.push_back(static_cast<char>(raw[++i] ^ escape_xor));
    } else if (raw[i] == '*' && i + 1 < raw.size() && !text.empty() && raw[i + 1] > run_base) {
      text.append(static_cast<std::size_t>(raw[++i] - run_base), text.back());
    } else {
      text.push_back(raw[i]);
    }
  }
  return text;
}

}  // namespace

std::string make_packet(std::string_view payload) {
  return fmt::format("${}#{:02x}", payload, checksum(payload));
}

Result<std::optional<std::string>> PacketDecoder::next() {
  const std::size_t start = buffer_.find('$');
  if (start == std::string::npos) {
    buffer_.clear();
    return std::nullopt;
  }
  buffer_.erase(0, start);
  const std::size_t end = buffer_.find('#');
  if (end == std::string::npos || buffer_.size() - end <= checksum_digits) {
    if (buffer_.size() > packet_max) {
      return fail(Code::invalid_input, "gdb stub: a packet of more than {} bytes", packet_max);
    }
    return std::nullopt;
  }
  const std::string_view raw = std::string_view(buffer_).substr(1, end - 1);
  const std::string_view digits = std::string_view(buffer_).substr(end + 1, checksum_digits);
  const auto sum = from_hex(digits);
  if (!sum || sum->front() != checksum(raw)) {
    return fail(Code::invalid_input, "gdb stub: packet with checksum '{}', wanted {:02x}", digits,
                checksum(raw));
  }
  std::optional<std::string> payload = expand(raw);
  buffer_.erase(0, end + 1 + checksum_digits);
  return payload;
}

}  // namespace extreq::machine
