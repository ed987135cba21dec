// Where the reports of a batch come from. Threading: one thread.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attestation/evidence.hpp"
#include "attestation/verification_stream.hpp"

namespace extreq::cli {

using attestation::EvidenceFormat;

// One input. Its report is a failure where the file of that name cannot be read, or is no evidence
// of the format asked for.
struct BatchInput {
  std::string name;  // of the file or folder; empty in a stream
  attestation::VerificationStream::Evidence evidence;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // nullopt: that was all.
  [[nodiscard]] virtual std::optional<BatchInput> next() = 0;
  // How many there will be, if that is known.
  [[nodiscard]] virtual std::optional<std::size_t> count() const { return std::nullopt; }
};

// `source`: a folder (its files, and its folders that are configfs-tsm's, by name), a file, or "-"
// for standard input alike. `format` of each input, nullopt: told by its content; in a file or
// standard input, where it must be one that says where an input ends, nullopt is `raw`.
// Failure: not_found, io; invalid_input for a format that a stream cannot have.
[[nodiscard]] Result<std::unique_ptr<BatchSource>> open_batch(const std::string& source,
                                                              std::optional<EvidenceFormat> format);

// The regular files of a folder, sorted. Failure: as the operating system's.
[[nodiscard]] Result<std::vector<std::string>> files_in(const std::string& folder);

}  // namespace extreq::cli
