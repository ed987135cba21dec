// extreq verify --batch: many reports in one go, one JSON line for each (doc/verifier.md).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "attestation/evidence.hpp"
#include "attestation/trust_anchors.hpp"
#include "attestation/verification.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct BatchOptions {
  std::string source;  // a folder, a file, or "-"; empty: no batch
  std::string leaves;  // a folder of certificates
  unsigned threads = 0;
  unsigned wait_microseconds = 1000;
};

// Effect: the options above: the source for `input`, which is a group of `verb`, the others for
// `verb`. Lifetime: `options` must outlive both.
void add_batch_options(CLI::App& input, CLI::App& verb, BatchOptions& options);

struct BatchRequest {
  std::vector<crypto::Certificate> certificates;  // leaves and chains
  attestation::TrustAnchors anchors;
  std::chrono::sys_seconds at;
  attestation::Expectations expectations;
  std::optional<attestation::EvidenceFormat> format;  // as open_batch()
};

// Effect: writes the lines to standard output, and progress to standard error if that is a
// terminal. Value: the program's exit code: exit_not_genuine if any report is that, else
// exit_not_acceptable or exit_unreadable likewise. Failure: the source or the leaves cannot be
// read.
[[nodiscard]] Result<int> run_batch(const BatchOptions& options, BatchRequest request);

}  // namespace extreq::cli
