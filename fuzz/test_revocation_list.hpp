// Revocation lists of any entries and extensions, for fuzzers: right in form, signed by nobody.
#pragma once

#include <span>

#include "base/bytes.hpp"

namespace extreq::fuzz {

// An entry; `extension`: one as below, or none. DER.
[[nodiscard]] Bytes revoked(ByteView serial, ByteView extension);

// The extension 2.5.29.`arc`. DER.
[[nodiscard]] Bytes list_extension(std::uint8_t arc, bool critical, ByteView content);

// The content of a certificateIssuer that names the issuer of make_authority(). DER.
[[nodiscard]] Bytes certificate_issuer();

// By the issuer of make_authority(). DER.
[[nodiscard]] Bytes make_revocation_list(std::span<const Bytes> entries,
                                         std::span<const Bytes> extensions);

// A good one: with a number, and an entry that names its issuer. DER.
[[nodiscard]] Bytes indirect_list();

}  // namespace extreq::fuzz
