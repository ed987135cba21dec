// Our reader of AMD's certificates against OpenSSL: crypto::read_amd_certificate.
//
// The first byte of an input chooses: the bytes of a certificate, or a good one, a leaf or an
// authority, of which the rest of the input changes bytes (place and value).
#include "crypto/amd_certificate.hpp"

#include "fuzz/input.hpp"
#include "fuzz/test_certificate.hpp"

namespace extreq::fuzz {
namespace {

void compare(ByteView der) {
  const auto ours = crypto::read_amd_certificate(der);
  if (!ours) return;
  const auto judge = crypto::parse_certificate_with_openssl(der);
  require(judge.has_value(), "what our reader takes, OpenSSL takes");
  require(*ours == *judge, "with the same values");
}

Bytes good_certificate() {
  static const Bytes name{0x16, 1, 'M'};
  static const Bytes spl{0x02, 1, 3};
  const std::array extensions{RawExtension{{2}, name}, RawExtension{{3, 1}, spl}};
  return make_certificate(extensions);
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  using namespace extreq;
  fuzz::require(crypto::read_amd_certificate(fuzz::good_certificate()).has_value() &&
                    crypto::read_amd_certificate(fuzz::make_authority()).has_value(),
                "our reader takes what is of AMD's forms");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  const unsigned choice = input.u8() % 3;
  if (choice == 0) {
    fuzz::compare(input.rest());
    return 0;
  }
  fuzz::compare(
      input.rest_changes(choice == 1 ? fuzz::good_certificate() : fuzz::make_authority()));
  return 0;
}
