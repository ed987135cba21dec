// Evidence of a format that is not named, or of another than the one named.
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  const ByteView bytes(data, size);
  for (std::size_t i = 0; i < attestation::evidence_format_names.size(); ++i) {
    fuzz::check_bytes(bytes, static_cast<attestation::EvidenceFormat>(i));
  }
  return 0;
}
