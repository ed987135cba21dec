// Revocation lists: crypto::RevocationList.
//
// The first byte of an input chooses: the bytes of a list; a good one, of which the rest of the
// input changes bytes (place and value); or one whose entries and extensions the rest of the input
// makes.
#include "crypto/crl.hpp"
#include "fuzz/input.hpp"
#include "fuzz/test_certificate.hpp"
#include "fuzz/test_revocation_list.hpp"

namespace extreq::fuzz {
namespace {

using crypto::RevocationList;

const crypto::Certificate& authority() {
  static const auto certificate = crypto::Certificate::from_der(make_authority()).value();
  return certificate;
}

void check(ByteView bytes) {
  const auto list = RevocationList::from_pem_or_der(bytes);
  if (!list) {
    require(list.error().code == Code::invalid_input, "a list fails in one way");
    require(!list.error().message.empty(), "a failure has words");
    return;
  }
  require(list->der().front() != bytes.front() || std::ranges::equal(list->der(), bytes),
          "DER is kept as it came");
  require(list->entries().size() <= RevocationList::max_entries, "entries are bounded");
  bool named = false;
  for (const auto& entry : list->entries()) {
    require(!entry.serial.empty() && entry.serial.size() <= 20, "a serial number has a size");
    require(entry.serial.size() == 1 || entry.serial[0] != 0, "and no zeros in front");
    named = named ||
            (entry.serial == authority().serial() && entry.issuer_der == authority().issuer_der());
  }
  require(list->names(authority()) == named, "serial number and issuer together name one");
  require(!list->check_signed_by(authority()), "nobody signed it");
  const auto again = RevocationList::from_pem_or_der(list->der());
  require(again && again->entries().size() == list->entries().size() &&
              again->number() == list->number() && again->issuer_der() == list->issuer_der(),
          "the same bytes are the same list");
}

Bytes made_by(Input& input) {
  constexpr std::array<std::uint8_t, 5> entry_extensions = {29, 29, 21, 24, 77};
  constexpr std::array<std::uint8_t, 6> list_extensions = {20, 28, 27, 35, 20, 77};
  std::vector<Bytes> entries;
  std::vector<Bytes> extensions;
  const auto content = [&] {
    const ByteView bytes = input.bytes(input.u8());
    return Bytes(bytes.begin(), bytes.end());
  };
  const std::size_t entry_count = input.u8() % 4;
  for (std::size_t i = 0; i < entry_count; ++i) {
    const Bytes serial = content();
    const bool critical = input.flag();
    const auto arc = input.one_of(entry_extensions);
    const Bytes value = input.flag() ? certificate_issuer() : content();
    entries.push_back(
        revoked(serial, input.flag() ? list_extension(arc, critical, value) : Bytes()));
  }
  while (!input.finished() && extensions.size() < 4) {
    const auto arc = input.one_of(list_extensions);
    const bool critical = input.flag();
    extensions.push_back(list_extension(arc, critical, content()));
  }
  return make_revocation_list(entries, extensions);
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  using namespace extreq;
  fuzz::require(crypto::RevocationList::from_pem_or_der(fuzz::indirect_list()).has_value(),
                "what is changed is a list");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  const unsigned choice = input.u8() % 3;
  if (choice == 0) {
    fuzz::check(input.rest());
    return 0;
  }
  if (choice == 2) {
    fuzz::check(fuzz::made_by(input));
    return 0;
  }
  fuzz::check(input.rest_changes(fuzz::indirect_list()));
  return 0;
}
