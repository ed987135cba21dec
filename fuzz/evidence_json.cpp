// What attesters send as JSON: attestation::parse_evidence().
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::check_bytes(ByteView(data, size), attestation::EvidenceFormat::json);
  return 0;
}
