// DER, as far as certificates need it beside OpenSSL: cutting elements out of encoded bytes without
// re-encoding them, and putting encoded elements together (X.690 sections 8 and 10).
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace extreq::crypto {

// Identifier octets (X.690 section 8.1.2), universal unless said.
constexpr std::uint8_t der_boolean = 0x01;
constexpr std::uint8_t der_integer = 0x02;
constexpr std::uint8_t der_bit_string = 0x03;
constexpr std::uint8_t der_octet_string = 0x04;
constexpr std::uint8_t der_oid = 0x06;
constexpr std::uint8_t der_utf8_string = 0x0C;
constexpr std::uint8_t der_printable_string = 0x13;
constexpr std::uint8_t der_ia5_string = 0x16;
constexpr std::uint8_t der_utc_time = 0x17;
constexpr std::uint8_t der_generalized_time = 0x18;
constexpr std::uint8_t der_sequence = 0x30;
constexpr std::uint8_t der_set = 0x31;
constexpr std::uint8_t der_context_0 = 0xA0;  // [0], constructed
constexpr std::uint8_t der_context_3 = 0xA3;  // [3], constructed

struct DerElement {
  ByteView whole;    // identifier, length and content
  ByteView content;  // content alone
};

// Effect: cuts the first element off `rest`. nullopt, and `rest` unchanged, if it has another
// identifier, is longer than `rest`, or has a length that is indefinite or not in its shortest
// form.
[[nodiscard]] std::optional<DerElement> take_strict_der(ByteView& rest,
                                                        std::uint8_t identifier) noexcept;

// The same. Failure: invalid_input; the message begins with `what`, "the certificate's validity".
[[nodiscard]] Result<DerElement> read_der(ByteView& rest, std::uint8_t identifier,
                                          std::string_view what);

// Failure: invalid_input if anything is left behind the last element of `what`.
[[nodiscard]] Status check_der_end(ByteView rest, std::string_view what);

// The dotted text of an OBJECT IDENTIFIER's content (X.690 section 8.19). nullopt: not in its
// shortest form, longer than 32 bytes, or with a number of more than 63 bits.
[[nodiscard]] std::optional<std::string> oid_text(ByteView content);

// The first bytes in hex, for messages.
[[nodiscard]] std::string shown_der(ByteView bytes);

// One element with the parts, in order, as its content.
[[nodiscard]] Bytes make_der(std::uint8_t identifier, std::initializer_list<ByteView> parts);

}  // namespace extreq::crypto
