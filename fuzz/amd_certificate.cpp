// The reader of certificates against OpenSSL: crypto::read_amd_certificate.
//
// An input is a certificate in DER. Beside libFuzzer's changes of bytes, of which most end in a
// wrong length, there are changes of the structure with all lengths right (test_der_mutants.hpp).
#include <random>

#include "crypto/test_der_mutants.hpp"
#include "crypto/test_openssl_certificate.hpp"
#include "fuzz/input.hpp"
#include "fuzz/test_certificate.hpp"

namespace extreq::fuzz {
namespace {

// Deep or wide trees cost time and find nothing.
constexpr std::size_t largest_tree = 8192;

Bytes good_leaf() {
  const std::array extensions{RawExtension{{2}, {0x16, 1, 'M'}},
                              RawExtension{{3, 1}, {0x02, 1, 3}}};
  return make_certificate(extensions);
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  using namespace extreq;
  fuzz::require(crypto::read_amd_certificate(fuzz::good_leaf()).has_value() &&
                    crypto::read_amd_certificate(fuzz::make_authority()).has_value(),
                "our reader takes what is of AMD's forms");
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  using namespace extreq;
  std::mt19937_64 random(seed);
  if (random() % 4 != 0 && size <= fuzz::largest_tree) {
    if (auto tree = crypto::der_tree(ByteView(data, size))) {
      const Bytes mutant = crypto::mutant_of(*std::move(tree), random);
      if (!mutant.empty() && mutant.size() <= max_size) {
        std::ranges::copy(mutant, data);
        return mutant.size();
      }
    }
  }
  return LLVMFuzzerMutate(data, size, max_size);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  if (const auto ours = crypto::read_amd_certificate(ByteView(data, size))) {
    fuzz::require(crypto::is_read_as_by_openssl(*ours),
                  "what our reader takes, OpenSSL takes with the same values");
  }
  return 0;
}
