// DER, as far as certificates need it beside OpenSSL: cutting elements out of encoded bytes without
// re-encoding them, and putting encoded elements together (X.690 sections 8 and 10).
// Internal to src/crypto/.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/bytes.hpp"

namespace extreq::crypto {

// Identifier octets (X.690 section 8.1.2), universal unless said.
constexpr std::uint8_t der_boolean = 0x01;
constexpr std::uint8_t der_integer = 0x02;
constexpr std::uint8_t der_bit_string = 0x03;
constexpr std::uint8_t der_octet_string = 0x04;
constexpr std::uint8_t der_sequence = 0x30;
constexpr std::uint8_t der_context_0 = 0xA0;  // [0], constructed
constexpr std::uint8_t der_context_3 = 0xA3;  // [3], constructed

struct DerElement {
  std::uint8_t identifier;
  ByteView whole;    // identifier, length and content
  ByteView content;  // content alone
};

// Effect: cuts the first element off `rest`. nullopt, and `rest` unchanged, if there is none, if it
// is longer than `rest`, or if its tag or length is not in the short, definite form that
// certificates use.
[[nodiscard]] std::optional<DerElement> take_der(ByteView& rest) noexcept;

// The same for an element of that kind whose length is in its shortest form, as DER wants it.
[[nodiscard]] std::optional<DerElement> take_strict_der(ByteView& rest,
                                                        std::uint8_t identifier) noexcept;

// One element with the parts, in order, as its content.
[[nodiscard]] Bytes make_der(std::uint8_t identifier, std::initializer_list<ByteView> parts);

}  // namespace extreq::crypto
