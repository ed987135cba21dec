// Distinguished names of the forms that AMD's certificates have: one attribute in each RDN, of the
// six usual types, in plain text. Internal to src/crypto/. Threading: a pure function.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace extreq::crypto {

struct AmdName {
  Bytes der;
  std::string text;         // as OpenSSL prints it on one line
  std::string common_name;  // empty if there is none
};

// Effect: cuts the Name off `rest`. Failure: invalid_input: not of these forms; the message begins
// with `what`, "the certificate's issuer".
[[nodiscard]] Result<AmdName> take_amd_name(ByteView& rest, std::string_view what);

}  // namespace extreq::crypto
