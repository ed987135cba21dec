// Writes the evidence of one made-up platform into a folder, for tests of the program: report.bin,
// vcek.der, vcek.pem, chain.pem (ASK and ARK), ark.der, table.bin (VCEK, ASK, ARK).
#include <cstdio>
#include <string>

#include "attestation/certificate_table.hpp"
#include "attestation/test_evidence.hpp"
#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {

Status write_evidence(const std::string& folder) {
  namespace guids = abi::ghcb::certificate_table;
  constexpr Product product = Product::genoa;
  const test::Authority authority(product);
  const crypto::Certificate ark = authority.ark();
  const crypto::Certificate ask = authority.ask();
  const crypto::Certificate vcek = authority.vcek(test::tcb(product), test::chip_id(product));
  CertificateTableBuilder table;
  EXTREQ_TRY(table.add(guids::guid_vcek, vcek.der()));
  EXTREQ_TRY(table.add(guids::guid_ask, ask.der()));
  EXTREQ_TRY(table.add(guids::guid_ark, ark.der()));
  EXTREQ_TRY_ASSIGN(const std::string ask_pem, ask.to_pem());
  EXTREQ_TRY_ASSIGN(const std::string ark_pem, ark.to_pem());
  EXTREQ_TRY_ASSIGN(const std::string vcek_pem, vcek.to_pem());
  constexpr unsigned mode = 0644;
  EXTREQ_TRY(replace_file(folder + "/report.bin", test::sign(test::report_fields(product)), mode));
  EXTREQ_TRY(replace_file(folder + "/vcek.der", vcek.der(), mode));
  EXTREQ_TRY(replace_file(folder + "/vcek.pem", to_bytes(vcek_pem), mode));
  EXTREQ_TRY(replace_file(folder + "/chain.pem", to_bytes(ask_pem + ark_pem), mode));
  EXTREQ_TRY(replace_file(folder + "/ark.der", ark.der(), mode));
  return replace_file(folder + "/table.bin", table.build(), mode);
}

}  // namespace
}  // namespace extreq::attestation

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: extreq_write_test_evidence FOLDER\n", stderr);
    return 1;
  }
  const auto status = extreq::attestation::write_evidence(argv[1]);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
