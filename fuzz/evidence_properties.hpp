// What must hold for evidence out of any container.
#pragma once

#include "attestation/evidence.hpp"
#include "fuzz/input.hpp"

namespace extreq::fuzz {

inline void check_failure(const Error& error) {
  require(error.code == Code::invalid_input || error.code == Code::unsupported ||
              error.code == Code::busy || error.code == Code::not_found,
          "the failures of evidence");
  require(!error.message.empty(), "a failure has words");
  require(std::ranges::all_of(error.message, [](char c) { return c >= ' ' && c <= '~'; }),
          "no message steers a terminal");
}

// `bytes`: all that was read.
inline void check_evidence(const attestation::Evidence& evidence, std::size_t bytes) {
  require(attestation::evidence_format(attestation::to_text(evidence.format)) == evidence.format,
          "a format has a name");
  require(evidence.report.bytes().size() == attestation::Report::size, "a report is whole");
  require(evidence.report.version() >= abi::snp::report_version_min, "of a version that exists");
  if (evidence.table) {
    std::size_t total = 0;
    for (const auto& entry : evidence.table->entries()) total += entry.data.size();
    require(total <= bytes, "no byte of a table is handed out twice");
  }
  require(!evidence.runtime_data || evidence.runtime_data->size() <= bytes, "nothing is made up");
}

// Parses as `format` and as what it is recognised for.
inline void check_bytes(ByteView bytes, attestation::EvidenceFormat format) {
  const auto evidence = attestation::parse_evidence(bytes, format);
  if (!evidence) {
    check_failure(evidence.error());
  } else {
    require(evidence->format == format, "it is what it was asked to be");
    check_evidence(*evidence, bytes.size());
  }
  const auto recognised = attestation::recognise_evidence(bytes);
  const auto guessed = attestation::parse_evidence(bytes, std::nullopt);
  if (!guessed) check_failure(guessed.error());
  require(!guessed || guessed->format == recognised, "what is guessed is what is recognised");
  if (recognised == format) {
    require(guessed.has_value() == evidence.has_value(), "guessed or named: the same");
    require(!guessed || std::ranges::equal(guessed->report.bytes(), evidence->report.bytes()),
            "guessed or named: the same report");
  }
}

}  // namespace extreq::fuzz
