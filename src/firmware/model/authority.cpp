#include "firmware/model/authority.hpp"

#include <future>

#include <fmt/format.h>

#include "attestation/model_mark.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "firmware/model/leftovers.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using crypto::Certificate;
using crypto::RsaPrivateKey;
using std::chrono::sys_seconds;

constexpr unsigned readable_by_all = 0644;
constexpr std::chrono::years validity{25};  // AMD's roots

// AMD's serial numbers: one block for each product.
struct Serials {
  std::uint64_t ark;
  std::uint64_t ask;
  std::uint64_t asvk;
};

Serials serials_of(Product product) {
  switch (product) {
    case Product::milan:
      return {0x10000, 0x10001, 0x10101};
    case Product::genoa:
      return {0x20000, 0x20002, 0x20101};
    default:
      return {0x30000, 0x30001, 0x30101};
  }
}

crypto::DistinguishedName marked_name(std::string_view prefix, Product product) {
  crypto::DistinguishedName name;
  name.organization = attestation::model_organization;
  name.common_name = fmt::format("{}{}{}", prefix, attestation::kds_name(product),
                                 attestation::model_common_name_mark);
  return name;
}

crypto::DistinguishedName ark_name(Product product) { return marked_name("ARK-", product); }

Result<std::shared_ptr<const RsaPrivateKey>> shared(Result<RsaPrivateKey> key) {
  if (!key) return tl::unexpected(std::move(key).error());
  return std::make_shared<const RsaPrivateKey>(*std::move(key));
}

std::string key_path(const std::string& directory, std::string_view role) {
  return fmt::format("{}/{}.pem", directory, role);
}

std::string certificate_path(const std::string& directory, std::string_view role) {
  return fmt::format("{}/{}.der", directory, role);
}

struct Member {
  std::shared_ptr<const RsaPrivateKey> key;
  Certificate certificate;
};

Result<Member> load_member(const std::string& directory, std::string_view role) {
  EXTREQ_TRY_ASSIGN(auto key, shared(RsaPrivateKey::load(key_path(directory, role))));
  const std::string path = certificate_path(directory, role);
  EXTREQ_TRY_ASSIGN(const Bytes der, read_file(path));
  auto certificate = Certificate::from_der(der);
  if (!certificate) {
    return fail(certificate.error().code, "{}: {}", path, certificate.error().message);
  }
  const auto certified = certificate->rsa_4096_key();
  if (!certified || *certified != key->public_key()) {
    return fail(Code::not_genuine, "{} does not certify the key beside it", path);
  }
  return Member{std::move(key), *std::move(certificate)};
}

}  // namespace

crypto::DistinguishedName ask_name(Product product) { return marked_name("SEV-", product); }
crypto::DistinguishedName asvk_name(Product product) { return marked_name("SEV-VLEK-", product); }

crypto::DistinguishedName leaf_name(std::string common_name) {
  crypto::DistinguishedName name;
  name.organization = attestation::model_organization;
  name.common_name = std::move(common_name);
  return name;
}

Result<AuthorityKeys> AuthorityKeys::generate() {
  auto ark = std::async(std::launch::async, RsaPrivateKey::generate);
  auto ask = std::async(std::launch::async, RsaPrivateKey::generate);
  AuthorityKeys keys;
  EXTREQ_TRY_ASSIGN(keys.asvk, shared(RsaPrivateKey::generate()));
  EXTREQ_TRY_ASSIGN(keys.ark, shared(ark.get()));
  EXTREQ_TRY_ASSIGN(keys.ask, shared(ask.get()));
  return keys;
}

Result<Authority> Authority::create(AuthorityKeys keys, Product product, sys_seconds now) {
  const Serials serials = serials_of(product);
  crypto::CertificateContent content{
      .serial = serials.ark,
      .issuer = ark_name(product),
      .subject = ark_name(product),
      .not_before = now,
      .not_after = now + validity,
      .subject_key = keys.ark->public_key(),
      .authority = crypto::CertificateAuthority{.path_length = std::nullopt, .signs_crls = true},
      .extensions = {},
      .explicit_trailer_field = true};
  EXTREQ_TRY_ASSIGN(const Certificate ark, crypto::issue_certificate(content, *keys.ark));
  content.authority = crypto::CertificateAuthority{.path_length = 0, .signs_crls = false};
  content.serial = serials.ask;
  content.subject = ask_name(product);
  content.subject_key = keys.ask->public_key();
  EXTREQ_TRY_ASSIGN(const Certificate ask, crypto::issue_certificate(content, *keys.ark));
  content.serial = serials.asvk;
  content.subject = asvk_name(product);
  content.subject_key = keys.asvk->public_key();
  EXTREQ_TRY_ASSIGN(const Certificate asvk, crypto::issue_certificate(content, *keys.ark));
  return Authority(std::move(keys), ark, ask, asvk);
}

Status Authority::save(const std::string& directory) const {
  struct File {
    const char* role;
    const RsaPrivateKey& key;
    const Certificate& certificate;
  };
  for (const File& file : {File{"ark", *keys_.ark, ark_}, File{"ask", *keys_.ask, ask_},
                           File{"asvk", *keys_.asvk, asvk_}}) {
    const std::string key = key_path(directory, file.role);
    const std::string certificate = certificate_path(directory, file.role);
    remove_leftovers(key);
    remove_leftovers(certificate);
    EXTREQ_TRY(file.key.save(key));
    EXTREQ_TRY(replace_file(certificate, file.certificate.der(), readable_by_all));
  }
  return {};
}

Result<Authority> Authority::load(const std::string& directory) {
  EXTREQ_TRY_ASSIGN(Member ark, load_member(directory, "ark"));
  EXTREQ_TRY_ASSIGN(Member ask, load_member(directory, "ask"));
  EXTREQ_TRY_ASSIGN(Member asvk, load_member(directory, "asvk"));
  EXTREQ_TRY(ark.certificate.check_signed_by(ark.certificate));
  EXTREQ_TRY(ask.certificate.check_signed_by(ark.certificate));
  EXTREQ_TRY(asvk.certificate.check_signed_by(ark.certificate));
  return Authority({std::move(ark.key), std::move(ask.key), std::move(asvk.key)}, ark.certificate,
                   ask.certificate, asvk.certificate);
}

}  // namespace extreq::firmware::model
