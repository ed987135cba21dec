// What Azure's paravisor keeps in the vTPM: attestation::parse_evidence().
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::check_bytes(ByteView(data, size), attestation::EvidenceFormat::hcl);
  return 0;
}
