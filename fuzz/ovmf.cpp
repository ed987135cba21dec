// Firmware images of guests: attestation::OvmfImage, and the measurement of what it takes.
//
// An input is the end of an image; the first two bytes are vCPUs and whether there is a kernel.
#include "attestation/measurement.hpp"
#include "fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  using attestation::OvmfImage;
  fuzz::Input input(data, size);
  attestation::QemuLaunch launch;
  launch.vcpus = input.u8();
  if (input.flag()) launch.kernel = attestation::KernelHashes{};
  const ByteView end = input.rest();
  constexpr std::size_t page = abi::snp::page_size;
  Bytes image((end.size() + page - 1) / page * page);
  std::ranges::copy(end, image.end() - static_cast<std::ptrdiff_t>(end.size()));
  const auto parsed = OvmfImage::parse(std::move(image));
  if (!parsed) return 0;
  std::uint64_t bytes = 0;
  for (const auto& section : parsed->sections()) {
    bytes += section.size;
    fuzz::require(std::uint64_t{section.gpa} + section.size <= parsed->gpa(),
                  "a section lies below the image");
  }
  fuzz::require(bytes <= OvmfImage::section_bytes_max, "the sections' sizes are bounded");
  constexpr std::uint64_t quick = 64U << 10U;
  if (bytes <= quick) static_cast<void>(attestation::expected_measurement(*parsed, launch));
  return 0;
}
