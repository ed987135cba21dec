// What attesters send as JSON: attestation::parse_evidence().
#include "base/base64.hpp"
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  const ByteView bytes(data, size);
  fuzz::check_bytes(bytes, attestation::EvidenceFormat::json);
  const auto again = from_base64(to_base64(bytes));
  fuzz::require(again && std::ranges::equal(*again, bytes), "base64 is read as it is written");
  return 0;
}
