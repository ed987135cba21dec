// The readers behind parse_evidence(), one for each format, each in a file of its name. Internal to
// src/attestation. Failures as parse_evidence()'s. Threading: as evidence.hpp's.
#pragma once

#include <functional>

#include "attestation/evidence.hpp"

namespace extreq::attestation {

// True for a report's size or more, and a version as firmware counts them: not 0, and below 256.
// Certificates and texts begin otherwise.
[[nodiscard]] bool begins_like_a_report(ByteView bytes) noexcept;
// A report and a table, which may have no bytes: without entries then.
[[nodiscard]] Result<Evidence> parse_extended(ByteView bytes);

// True for a size and a header that only MSG_REPORT_RSP has: behind STATUS and REPORT_SIZE it has
// 24 zero bytes, where a report has POLICY, one bit of which is always set.
[[nodiscard]] bool begins_like_a_response(ByteView bytes) noexcept;
[[nodiscard]] Result<Evidence> parse_ioctl(ByteView bytes);

[[nodiscard]] bool begins_like_hcl(ByteView bytes) noexcept;
[[nodiscard]] Result<Evidence> parse_hcl(ByteView bytes);

[[nodiscard]] bool begins_like_json(ByteView bytes) noexcept;
[[nodiscard]] Result<Evidence> parse_json_evidence(ByteView bytes);

// Reads files in the folder `path` with `read`, which fails as read_file(). Failure further: busy
// if somebody wrote to it whenever it was read.
using FileReader = std::function<Result<Bytes>(const std::string& path)>;
[[nodiscard]] Result<Evidence> read_tsm_folder(const std::string& path, const FileReader& read);

}  // namespace extreq::attestation
