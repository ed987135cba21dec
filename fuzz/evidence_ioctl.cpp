// What sev-guest's ioctl leaves in its buffer: attestation::parse_evidence().
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::check_bytes(ByteView(data, size), attestation::EvidenceFormat::ioctl);
  return 0;
}
