// Writes the evidence of one made-up platform into a folder, for tests of the program: report.bin,
// report-5.bin (of version 5, every field filled), vcek.der, vcek.pem, chain.pem (ASK and ARK),
// ark.der, table.bin (VCEK, ASK, ARK), and lists of the ARK: crl.der (number 300, nobody on it),
// crl-ask.der (the ASK), crl-vcek.der (the VCEK, by an entry that names the ASK), crl-serial-0.der
// (serial 0 of the ARK), crl-stale.der, crl-forged.der (signed by the ASK's key), crl-asvk.der (the
// ASVK). table-crl.bin and table-crl-ask.bin are table.bin with the first two of them. vlek.bin is
// a report by a VLEK, vlek-chain.pem its VLEK and ASVK, vlek-crl.bin all three and crl.der. Then
// evidence of the same platform in containers that only its key can fill: hcl.bin, azure.json,
// trustee.json, version-7.bin, unknown-processor.bin.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "attestation/certificate_table.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_evidence.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "crypto/crl_builder.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation {
namespace {

using Entries = std::vector<crypto::RevocationListContent::Entry>;

Result<Bytes> list_of(const crypto::Certificate& root, const Entries& entries,
                      std::chrono::sys_seconds of, std::string_view signer) {
  const crypto::RevocationListContent content{.issuer_der = root.subject_der(),
                                              .this_update = of - std::chrono::days(1),
                                              .next_update = of + std::chrono::days(1),
                                              .number = 300,
                                              .entries = entries,
                                              .indirect = true,
                                              .extensions = {}};
  EXTREQ_TRY_ASSIGN(const auto list,
                    crypto::issue_revocation_list(content, crypto::test_rsa_key(signer)));
  return list.der();
}

Status write_lists(const std::string& folder, const crypto::Certificate& ark,
                   const crypto::Certificate& ask, const crypto::Certificate& asvk) {
  struct List {
    const char* name;
    Entries entries;
    std::chrono::days age;
    const char* signer;
  };
  const std::vector<List> lists{
      {"crl", {}, std::chrono::days(0), "ark"},
      {"crl-ask", {{ask.serial(), {}}}, std::chrono::days(0), "ark"},
      {"crl-vcek", {{{0}, ask.subject_der()}}, std::chrono::days(0), "ark"},
      {"crl-serial-0", {{{0}, {}}}, std::chrono::days(0), "ark"},
      {"crl-stale", {}, std::chrono::days(3), "ark"},
      {"crl-forged", {}, std::chrono::days(0), "ask"},
      {"crl-asvk", {{asvk.serial(), {}}}, std::chrono::days(0), "ark"},
  };
  for (const List& list : lists) {
    EXTREQ_TRY_ASSIGN(const Bytes der,
                      list_of(ark, list.entries, test::now() - list.age, list.signer));
    EXTREQ_TRY(replace_file(fmt::format("{}/{}.der", folder, list.name), der, 0644));
  }
  return {};
}

// A report of version 5 with something in each field that a policy can ask about.
abi::snp::AttestationReport full_report(Product product) {
  abi::snp::AttestationReport fields = test::report_fields(product);
  fields.version = 5;
  fields.guest_svn = 4;
  fields.platform_info = abi::snp::platform_info::ecc_en;
  fields.key_info = abi::snp::key_info::author_key_en;
  fields.family_id.fill(0xFA);
  fields.image_id.fill(0x1A);
  fields.host_data.fill(0xDA);
  fields.id_key_digest.fill(0x1D);
  fields.author_key_digest.fill(0xA0);
  fields.report_id.fill(0x4E);
  fields.report_id_ma.fill(0xFF);
  fields.current_version = {.build = 21, .minor = 55, .major = 1, .reserved = 0};
  fields.committed_version = {.build = 20, .minor = 55, .major = 1, .reserved = 0};
  fields.launch_mit_vector = 1;
  fields.current_mit_vector = 3;
  return fields;
}

constexpr unsigned mode = 0644;
constexpr Product made = Product::genoa;

Status write_azure(const std::string& folder, const crypto::Certificate& vcek) {
  const Bytes runtime_data = to_bytes(R"({"keys":[],"user-data":"5D5D"})");
  auto fields = test::report_fields(made);
  test::bind_runtime_data(fields, runtime_data);
  const Bytes container = test::make_hcl(test::sign(fields), runtime_data);
  const std::string json =
      fmt::format(R"({{"version":2,"tpm_quote":{{"pcrs":[]}},"hcl_report":{},"vcek":{}}})",
                  test::quoted_base64(container), test::quoted_base64(vcek.der()));
  EXTREQ_TRY(replace_file(folder + "/hcl.bin", container, mode));
  return replace_file(folder + "/azure.json", to_bytes(json), mode);
}

Status write_trustee(const std::string& folder, const std::vector<crypto::Certificate>& chain) {
  constexpr std::array<std::string_view, 3> types = {"VCEK", "ASK", "ARK"};
  std::string entries;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    entries += fmt::format(R"({}{{"cert_type":"{}","data":{}}})", i == 0 ? "" : ",", types.at(i),
                           test::numbers(chain[i].der()));
  }
  const std::string report =
      test::report_members(test::sign(test::report_fields(made)), TcbLayout::milan);
  const std::string json =
      fmt::format(R"({{"attestation_report":{},"cert_chain":[{}]}})", report, entries);
  return replace_file(folder + "/trustee.json", to_bytes(json), mode);
}

Status write_unknown(const std::string& folder) {
  auto later = test::report_fields(made);
  later.version = 7;
  EXTREQ_TRY(replace_file(folder + "/version-7.bin", test::sign(later), mode));
  auto other = test::report_fields(made);
  other.cpuid_family = 0x1C;
  return replace_file(folder + "/unknown-processor.bin", test::sign(other), mode);
}

Status write_vlek(const std::string& folder, const test::Authority& authority) {
  namespace guids = abi::ghcb::certificate_table;
  auto fields = test::report_fields(made);
  fields.key_info = abi::snp::key_info::signing_key_vlek << abi::snp::key_info::signing_key_shift;
  const Bytes report = test::sign(fields);
  const crypto::Certificate vlek = authority.vlek(test::tcb(made), "provider");
  EXTREQ_TRY_ASSIGN(const std::string vlek_pem, vlek.to_pem());
  EXTREQ_TRY_ASSIGN(const std::string asvk_pem, authority.asvk().to_pem());
  EXTREQ_TRY(replace_file(folder + "/vlek.bin", report, mode));
  EXTREQ_TRY(replace_file(folder + "/vlek-chain.pem", to_bytes(vlek_pem + asvk_pem), mode));
  EXTREQ_TRY_ASSIGN(const Bytes list, read_file(folder + "/crl.der"));
  CertificateTableBuilder table;
  EXTREQ_TRY(table.add(guids::guid_vlek, vlek.der()));
  EXTREQ_TRY(table.add(guids::guid_ask, authority.asvk().der()));
  EXTREQ_TRY(table.add(guids::guid_crl, list));
  Bytes both = report;
  const Bytes built = table.build();
  both.insert(both.end(), built.begin(), built.end());
  return replace_file(folder + "/vlek-crl.bin", both, mode);
}

Status write_evidence(const std::string& folder) {
  namespace guids = abi::ghcb::certificate_table;
  constexpr Product product = made;
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
  EXTREQ_TRY(write_lists(folder, ark, ask, authority.asvk()));
  EXTREQ_TRY(write_vlek(folder, authority));
  EXTREQ_TRY(write_azure(folder, vcek));
  EXTREQ_TRY(write_trustee(folder, {vcek, ask, ark}));
  EXTREQ_TRY(write_unknown(folder));
  EXTREQ_TRY(replace_file(folder + "/report.bin", test::sign(test::report_fields(product)), mode));
  EXTREQ_TRY(replace_file(folder + "/report-5.bin", test::sign(full_report(product)), mode));
  EXTREQ_TRY(replace_file(folder + "/vcek.der", vcek.der(), mode));
  EXTREQ_TRY(replace_file(folder + "/vcek.pem", to_bytes(vcek_pem), mode));
  EXTREQ_TRY(replace_file(folder + "/chain.pem", to_bytes(ask_pem + ark_pem), mode));
  EXTREQ_TRY(replace_file(folder + "/ark.der", ark.der(), mode));
  EXTREQ_TRY(replace_file(folder + "/table.bin", table.build(), mode));
  for (const std::string name : {"crl", "crl-ask"}) {
    CertificateTableBuilder with_list = table;
    EXTREQ_TRY_ASSIGN(const Bytes list, read_file(fmt::format("{}/{}.der", folder, name)));
    EXTREQ_TRY(with_list.add(guids::guid_crl, list));
    EXTREQ_TRY(replace_file(fmt::format("{}/table-{}.bin", folder, name), with_list.build(), mode));
  }
  return {};
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
