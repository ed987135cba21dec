// Evidence of a format that is not named, or of another than the one that the first byte names.
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  const auto format = input.u8() % attestation::evidence_format_names.size();
  fuzz::check_bytes(input.rest(), static_cast<attestation::EvidenceFormat>(format));
  return 0;
}
