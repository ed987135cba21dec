// What AMD's key service certifies about a VCEK or VLEK, in X.509 extensions under
// 1.3.6.1.4.1.3704.1 (document 57230, "VCEK Certificate Definition").
//
// The values are tiny DER elements of fixed forms. They are read strictly: a value has one
// encoding. Threading: values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "attestation/product.hpp"
#include "attestation/tcb.hpp"
#include "base/bytes.hpp"
#include "crypto/x509.hpp"

namespace extreq::attestation {

struct Extensions {
  std::optional<std::uint8_t> struct_version;
  std::string product_name;           // as it stands there: "Milan-B0"
  Product product{};                  // what the name means
  Tcb tcb;                            // in the product's layout
  std::optional<Bytes> hwid;          // a VCEK's: 64 bytes, from Turin on 8
  std::optional<std::string> csp_id;  // a VLEK's: the provider

  friend bool operator==(const Extensions&, const Extensions&) = default;
};

// The order of the extensions does not matter, and reserved and unknown ones are not read.
// Failure: invalid_input, naming the extension: the product name or a component's SPL is missing or
// malformed; an FMC component where the product has none; a HWID of another size than the product's
// chips have. unsupported: a product that is not known.
[[nodiscard]] Result<Extensions> read_extensions(const crypto::Certificate& certificate);

// The values alone: `content` is what the extension's OCTET STRING holds. Failure: invalid_input
// with what was found.

// A DER INTEGER in 0..255.
[[nodiscard]] Result<std::uint8_t> parse_spl(ByteView content);

// 64 or 8 bytes as they are, or the same in another OCTET STRING, as some writers nest them.
[[nodiscard]] Result<Bytes> parse_hwid(ByteView content);

// A DER IA5String of 1 to 127 printable characters.
[[nodiscard]] Result<std::string> parse_name(ByteView content);

}  // namespace extreq::attestation
