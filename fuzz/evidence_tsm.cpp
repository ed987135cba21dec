// Folders of configfs-tsm whose files change while they are read.
#include "attestation/evidence_formats.hpp"
#include "fuzz/evidence_properties.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  int reads = 0;
  // Each read takes the next answer of the script: not there, refused, short or a report's length.
  const auto read = [&](const std::string&) -> Result<Bytes> {
    ++reads;
    const std::uint8_t choice = input.u8();
    if (choice == 0) return fail(Code::not_found, "it is not there");
    if (choice == 0xFF) return fail(Code::busy, "it is written");
    const ByteView bytes = input.bytes(choice == 0xFE   ? attestation::Report::size
                                       : choice == 0xFD ? input.u16()
                                                        : choice);
    return Bytes(bytes.begin(), bytes.end());
  };
  const auto evidence = attestation::read_tsm_folder("folder", read);
  fuzz::require(reads <= 64, "no folder is read for ever");
  if (!evidence) {
    fuzz::check_failure(evidence.error());
    return 0;
  }
  fuzz::require(evidence->format == attestation::EvidenceFormat::tsm, "a folder's format");
  fuzz::check_evidence(*evidence, size);
  return 0;
}
