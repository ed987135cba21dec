// SHA-2, HMAC and HKDF: the digests of reports, launch digests, certificates and derived keys.
//
// Effect: pure functions. Nettle stands behind them: it works in the caller's memory and has no
// failure to report, so these have none either.
// Threading: any thread.
#pragma once

#include "base/bytes.hpp"

namespace extreq::crypto {

using Sha256Digest = std::array<std::uint8_t, 32>;
using Sha384Digest = std::array<std::uint8_t, 48>;

// FIPS 180-4.
[[nodiscard]] Sha256Digest sha256(ByteView data) noexcept;
[[nodiscard]] Sha384Digest sha384(ByteView data) noexcept;

// RFC 2104 with SHA-384. Key of any length. The key's traces are wiped.
[[nodiscard]] Sha384Digest hmac_sha384(ByteView key, ByteView data) noexcept;

// RFC 5869 with SHA-384, extract then expand: fills `out` with key material. `out` is one value of
// its own: a longer one begins with the same bytes. RFC 5869 ends at 255 * 48 = 12240 bytes of
// `out`; ask for less than that. `out` may not overlap the inputs.
void hkdf_sha384(ByteView key, ByteView salt, ByteView info, MutableByteView out) noexcept;

}  // namespace extreq::crypto
