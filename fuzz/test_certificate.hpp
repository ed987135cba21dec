// A leaf certificate around any extensions, for fuzzers: right in form, signed by nobody.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::fuzz {

struct RawExtension {
  std::vector<std::uint8_t> oid_tail;  // behind 1.3.6.1.4.1.3704.1, one byte for each arc
  Bytes content;                       // of the OCTET STRING
};

// A Name of one common name. DER.
[[nodiscard]] Bytes distinguished_name(std::string_view common_name);

// DER.
[[nodiscard]] Bytes make_certificate(std::span<const RawExtension> extensions);

// An ASK with an RSA key that is none, with all the extensions that AMD's authorities have. DER.
[[nodiscard]] Bytes make_authority();

}  // namespace extreq::fuzz
