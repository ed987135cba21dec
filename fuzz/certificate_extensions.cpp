// AMD's extensions of VCEK and VLEK certificates: attestation::read_extensions.
//
// The first byte of an input chooses: a whole certificate in DER or PEM, a list of extensions in an
// otherwise good one, or one value alone.
#include "attestation/extensions.hpp"
#include "fuzz/input.hpp"
#include "fuzz/test_certificate.hpp"

namespace extreq::fuzz {
namespace {

void read(const crypto::Certificate& certificate) {
  const auto extensions = attestation::read_extensions(certificate);
  if (!extensions) {
    require(extensions.error().code == Code::invalid_input ||
                extensions.error().code == Code::unsupported,
            "its only failures");
    return;
  }
  const auto layout = attestation::layout_of(extensions->product);
  require(attestation::layout_of(extensions->tcb) == layout, "the TCB has the product's layout");
  require(extensions->product_name.starts_with(attestation::kds_name(extensions->product)),
          "the product's name says which");
  require(!extensions->hwid || extensions->hwid->size() == 64 || extensions->hwid->size() == 8,
          "a HWID's size");
  require(!extensions->csp_id || !extensions->csp_id->empty(), "a CSP id has characters");
}

void read_list(Input& input) {
  static constexpr std::array<std::array<std::uint8_t, 2>, 12> known{{
      {1, 0},
      {2, 0},
      {3, 1},
      {3, 2},
      {3, 3},
      {3, 4},
      {3, 5},
      {3, 7},
      {3, 8},
      {3, 9},
      {4, 0},
      {5, 0},
  }};
  std::vector<RawExtension> list;
  while (!input.finished() && list.size() < 20) {
    const auto tail = input.one_of(known);
    const ByteView content = input.bytes(input.u8());
    std::vector<std::uint8_t> oid_tail{tail[0]};
    if (tail[1] != 0) oid_tail.push_back(tail[1]);
    list.push_back({std::move(oid_tail), Bytes(content.begin(), content.end())});
  }
  if (const auto certificate = crypto::Certificate::from_der(make_certificate(list))) {
    read(*certificate);
  }
}

void read_values(ByteView content) {
  if (const auto spl = attestation::parse_spl(content)) {
    require(content.size() == (*spl < 0x80 ? 3U : 4U), "a value has one encoding");
  }
  if (const auto hwid = attestation::parse_hwid(content)) {
    require(std::ranges::equal(content.last(hwid->size()), *hwid), "the bytes as they are");
  }
  if (const auto name = attestation::parse_name(content)) {
    require(name->size() + 2 == content.size(), "identifier, length, characters");
  }
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const extreq::fuzz::RawExtension any{{2}, {0x16, 1, 'M'}};
  extreq::fuzz::require(
      extreq::crypto::Certificate::from_der(extreq::fuzz::make_certificate({&any, 1})).has_value(),
      "the certificate around the extensions is good");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  switch (input.u8() % 3) {
    case 0:
      if (const auto found = crypto::Certificate::from_pem_or_der(input.rest())) {
        for (const auto& certificate : *found) fuzz::read(certificate);
      }
      break;
    case 1:
      fuzz::read_list(input);
      break;
    default:
      fuzz::read_values(input.rest());
      break;
  }
  return 0;
}
