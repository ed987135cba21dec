// Distinguished names of the forms that AMD's certificates have: one attribute in each RDN, of the
// six usual types, in printable ASCII. Internal to src/crypto/. Threading: a pure function.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace extreq::crypto {

struct AmdName {
  Bytes der;
  std::string text;         // as OpenSSL prints it on one line
  std::string common_name;  // empty if there is none
};

// Effect: cuts the Name off `rest`. nullopt, and `rest` in no defined state: not of these forms.
[[nodiscard]] std::optional<AmdName> take_amd_name(ByteView& rest);

}  // namespace extreq::crypto
