#include "attestation/test_evidence.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "abi/kds.hpp"
#include "attestation/ecdsa_layout.hpp"
#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "crypto/test_keys.hpp"

namespace extreq::attestation::test {
namespace {

namespace oid = abi::kds::oid;
using crypto::Certificate;
using crypto::CertificateContent;

Bytes element(std::uint8_t identifier, ByteView content) {
  return ByteBuilder()
      .u8(identifier)
      .u8(static_cast<std::uint8_t>(content.size()))
      .bytes(content)
      .take();
}

Certificate issue(const CertificateContent& content, std::string_view key) {
  auto certificate = crypto::issue_certificate(content, crypto::test_rsa_key(key));
  if (!certificate) throw std::runtime_error(certificate.error().message);
  return *certificate;
}

// What tells a certificate that nobody changed from others: the rest follows from these.
std::string name_of(const CertificateContent& content, std::string_view key) {
  std::string name(key);
  const auto add = [&](std::string_view part) {
    name += std::to_string(part.size());
    name += ':';
    name += part;
  };
  add(content.subject.common_name);
  add(content.issuer.common_name);
  add(content.subject.organization);
  for (const auto& extension : content.extensions) {
    add(extension.oid);
    add(to_hex(extension.content));
  }
  return name;
}

// An RSA signature takes some milliseconds and every test wants three: one that nobody changed is
// made once.
Certificate issue(CertificateContent content, const Change& change, std::string_view key) {
  if (change) {
    change(content);
    return issue(content, key);
  }
  static std::mutex mutex;
  static std::map<std::string, Certificate> made;
  const std::lock_guard lock(mutex);
  const std::string name = name_of(content, key);
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  return made.emplace(name, issue(content, key)).first->second;
}

}  // namespace

std::chrono::sys_seconds now() {
  return std::chrono::sys_days(std::chrono::year(2026) / 6 / 1) + std::chrono::hours(12);
}

Bytes spl(std::uint8_t value) {
  return element(0x02, value < 0x80 ? Bytes{value} : Bytes{0, value});
}

Bytes ia5(std::string_view text) { return element(0x16, to_bytes(text)); }

Bytes octets(ByteView content) { return element(0x04, content); }

Bytes& extension(CertificateContent& content, std::string_view oid) {
  const auto found = std::ranges::find(content.extensions, oid, &crypto::CertificateExtension::oid);
  if (found == content.extensions.end()) throw std::runtime_error("no such extension");
  return found->content;
}

void remove_extension(CertificateContent& content, std::string_view oid) {
  std::erase_if(content.extensions, [&](const auto& extension) { return extension.oid == oid; });
}

Authority::Authority(Product product, std::string organization, std::string mark)
    : product_(product), organization_(std::move(organization)), mark_(std::move(mark)) {}

Certificate Authority::ark(const Change& change) const {
  auto content = authority("ARK-");
  content.authority->path_length.reset();
  content.authority->signs_crls = true;
  content.subject_key = crypto::test_rsa_key("ark").public_key();
  return issue(content, change, "ark");
}

Certificate Authority::ask(const Change& change) const {
  auto content = authority("SEV-");
  content.subject_key = crypto::test_rsa_key("ask").public_key();
  return issue(content, change, "ark");
}

Certificate Authority::asvk(const Change& change) const {
  auto content = authority("SEV-VLEK-");
  content.subject_key = crypto::test_rsa_key("asvk").public_key();
  return issue(content, change, "ark");
}

Certificate Authority::vcek(const Tcb& tcb, ByteView hwid, const Change& change) const {
  auto content = leaf("SEV-VCEK", "SEV-", tcb);
  content.extensions.push_back({std::string(oid::hwid), false, Bytes(hwid.begin(), hwid.end())});
  return issue(content, change, "ask");
}

Certificate Authority::vlek(const Tcb& tcb, std::string_view csp_id, const Change& change) const {
  auto content = leaf("SEV-VLEK", "SEV-VLEK-", tcb);
  content.extensions.push_back({std::string(oid::csp_id), false, ia5(csp_id)});
  return issue(content, change, "asvk");
}

crypto::DistinguishedName Authority::name(std::string_view common_name) const {
  return {"Engineering", "US",          "Santa Clara",
          "CA",          organization_, std::string(common_name) + mark_};
}

CertificateContent Authority::authority(std::string_view common_name) const {
  const std::string product(kds_name(product_));
  return {.serial = 0x10000,
          .issuer = name("ARK-" + product),
          .subject = name(std::string(common_name) + product),
          .not_before = now() - std::chrono::years(5),
          .not_after = now() + std::chrono::years(20),
          .subject_key = crypto::test_rsa_key("ark").public_key(),
          .authority = crypto::CertificateAuthority{0, false},
          .extensions = {},
          .explicit_trailer_field = true};
}

CertificateContent Authority::leaf(std::string_view common_name, std::string_view issuer,
                                   const Tcb& tcb) const {
  CertificateContent content{.serial = 0,
                             .issuer = name(std::string(issuer) + std::string(kds_name(product_))),
                             .subject = name(common_name),
                             .not_before = now() - std::chrono::days(30),
                             .not_after = now() + std::chrono::days(300),
                             .subject_key = leaf_key().public_key(),
                             .authority = std::nullopt,
                             .extensions = {},
                             .explicit_trailer_field = true};
  content.extensions.push_back({std::string(oid::struct_version), false, spl(tcb.fmc ? 1 : 0)});
  content.extensions.push_back(
      {std::string(oid::product_name), false, ia5(std::string(kds_name(product_)) + "-B0")});
  for (const TcbField& field : tcb_fields(layout_of(tcb))) {
    content.extensions.push_back({std::string(field.spl_oid), false, spl(field.get(tcb))});
  }
  return content;
}

const crypto::EcdsaP384PrivateKey& leaf_key() {
  static const auto key = crypto::EcdsaP384PrivateKey::generate().value();
  return key;
}

Bytes chip_id(Product product) {
  Bytes id(layout_of(product) == TcbLayout::turin ? 8 : 64);
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::uint8_t>(0x11 + i);
  return id;
}

Tcb tcb(Product product) {
  if (layout_of(product) == TcbLayout::turin) return {std::uint8_t{1}, 2, 3, 4, 0xD9};
  return {std::nullopt, 2, 0, 5, 0xD9};
}

abi::snp::AttestationReport report_fields(Product product) {
  abi::snp::AttestationReport report;
  report.version = product == Product::milan ? 2 : 3;
  report.policy = abi::snp::policy::reserved_one | abi::snp::policy::smt;
  report.signature_algo = abi::snp::signature_algo_ecdsa_p384_sha384;
  report.report_data.fill(0x5D);
  report.measurement.fill(0x3E);
  report.current_tcb = encode_tcb(tcb(product));
  report.reported_tcb = encode_tcb(tcb(product));
  report.committed_tcb = encode_tcb(tcb(product));
  report.launch_tcb = encode_tcb(tcb(product));
  std::ranges::copy(chip_id(product), report.chip_id.begin());
  if (product == Product::genoa) {
    report.cpuid_family = 0x19;
    report.cpuid_model = 0x11;
  } else if (product == Product::turin) {
    report.cpuid_family = 0x1A;
    report.cpuid_model = 0x02;
  } else if (product == Product::venice) {
    report.cpuid_family = 0x1A;
    report.cpuid_model = 0x50;
  }
  return report;
}

Bytes sign(abi::snp::AttestationReport fields) {
  ByteBuilder unsigned_report;
  unsigned_report.object(fields);
  fields.signature = to_layout(leaf_key().sign_digest(
      crypto::sha384(unsigned_report.view().first(abi::snp::report_signed_size))));
  ByteBuilder report;
  report.object(fields);
  return report.take();
}

std::optional<Bytes> real_data(const std::string& name) {
  const char* const folder = std::getenv("EXTREQ_TESTDATA");
  if (folder == nullptr) return std::nullopt;
  auto bytes = read_file(std::string(folder) + "/" + name);
  if (!bytes) return std::nullopt;
  return *std::move(bytes);
}

}  // namespace extreq::attestation::test
