#include "crypto/x509.hpp"

#include <algorithm>

#include <openssl/pem.h>

#include "base/printable.hpp"
#include "base/try.hpp"
#include "crypto/amd_certificate.hpp"
#include "crypto/openssl.hpp"
#include "crypto/pkey.hpp"

namespace extreq::crypto {
namespace {

// keyUsage's bits, digitalSignature the highest (RFC 5280 section 4.2.1.3).
constexpr std::uint8_t key_cert_sign = 0x04;
constexpr std::uint8_t crl_sign = 0x02;

Status check_size(ByteView bytes) {
  if (bytes.empty()) return fail(Code::invalid_input, "no certificate in 0 bytes");
  if (bytes.size() > Certificate::max_input) {
    return fail(Code::invalid_input, "{} bytes are more than the {} accepted for certificates",
                bytes.size(), Certificate::max_input);
  }
  return {};
}

// A certificate is longer than 255 bytes, so its length is written with 0x82 or above: no text
// begins so.
bool looks_like_der(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x30 && bytes[1] >= 0x80;
}

// One block of PEM, as OpenSSL hands it over.
struct PemBlock {
  PemBlock() noexcept = default;
  ~PemBlock() {
    OPENSSL_free(type);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  PemBlock(const PemBlock&) = delete;
  PemBlock& operator=(const PemBlock&) = delete;
  PemBlock(PemBlock&&) = delete;
  PemBlock& operator=(PemBlock&&) = delete;

  char* type = nullptr;
  char* header = nullptr;
  std::uint8_t* data = nullptr;
  long size = 0;
};

Result<std::vector<Certificate>> from_pem(ByteView pem) {
  const OpensslErrors errors;
  const UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<Certificate> certificates;
  for (;;) {
    const std::size_t number = certificates.size() + 1;
    PemBlock block;
    if (!bio ||
        PEM_read_bio(bio.get(), &block.type, &block.header, &block.data, &block.size) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return certificates;
      return fail(Code::invalid_input, "PEM block {} is broken: {}", number, errors.reason());
    }
    if (std::string_view(block.type) != PEM_STRING_X509) {
      return fail(Code::invalid_input, "PEM block {} is a {}, wanted a {}", number,
                  printable(block.type), PEM_STRING_X509);
    }
    auto certificate =
        Certificate::from_der(ByteView(block.data, static_cast<std::size_t>(block.size)));
    if (!certificate) {
      return fail(Code::invalid_input, "PEM block {}: {}", number, certificate.error().message);
    }
    certificates.push_back(*certificate);
  }
}

}  // namespace

Result<Certificate> Certificate::from_der(ByteView der) {
  EXTREQ_TRY(check_size(der));
  EXTREQ_TRY_ASSIGN(auto parsed, read_amd_certificate(der));
  return Certificate(std::make_shared<const ParsedCertificate>(std::move(parsed)));
}

Result<std::vector<Certificate>> Certificate::from_pem_or_der(ByteView bytes) {
  EXTREQ_TRY(check_size(bytes));
  if (looks_like_der(bytes)) {
    EXTREQ_TRY_ASSIGN(const auto certificate, from_der(bytes));
    return std::vector<Certificate>{certificate};
  }
  EXTREQ_TRY_ASSIGN(auto certificates, from_pem(bytes));
  if (certificates.empty()) {
    constexpr std::size_t shown = 8;
    return fail(Code::invalid_input,
                "{} bytes that begin with {} are neither a certificate in DER nor in PEM",
                bytes.size(), to_hex(bytes.first(std::min(shown, bytes.size()))));
  }
  return certificates;
}

Result<std::string> Certificate::to_pem() const {
  const OpensslErrors errors;
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  if (!bio || PEM_write_bio(bio.get(), PEM_STRING_X509, "", der().data(),
                            static_cast<long>(der().size())) <= 0) {
    return fail(Code::unsupported, "write the certificate of \"{}\" as PEM: {}", subject(),
                errors.reason());
  }
  return read_text(bio.get());
}

const Bytes& Certificate::der() const noexcept { return content_->der; }
const std::string& Certificate::subject() const noexcept { return content_->subject; }
const std::string& Certificate::issuer() const noexcept { return content_->issuer; }
const Bytes& Certificate::subject_der() const noexcept { return content_->subject_der; }
const Bytes& Certificate::issuer_der() const noexcept { return content_->issuer_der; }
const std::string& Certificate::subject_common_name() const noexcept {
  return content_->subject_common_name;
}
const std::string& Certificate::issuer_common_name() const noexcept {
  return content_->issuer_common_name;
}
const Bytes& Certificate::serial() const noexcept { return content_->serial; }
std::chrono::sys_seconds Certificate::not_before() const noexcept { return content_->not_before; }
std::chrono::sys_seconds Certificate::not_after() const noexcept { return content_->not_after; }

const std::vector<CertificateExtension>& Certificate::extensions() const noexcept {
  return content_->extensions;
}

Result<std::optional<Bytes>> Certificate::extension(std::string_view dotted_oid) const {
  if (dotted_oid.find('.') == std::string_view::npos ||
      dotted_oid.find_first_not_of("0123456789.") != std::string_view::npos) {
    return fail(Code::invalid_input, "\"{}\" is not a dotted object identifier", dotted_oid);
  }
  const auto found = std::ranges::find(extensions(), dotted_oid, &CertificateExtension::oid);
  if (found == extensions().end()) return std::nullopt;
  return found->content;
}

bool Certificate::is_ca() const noexcept { return content_->ca; }
std::optional<std::uint32_t> Certificate::path_length() const noexcept {
  return content_->path_length;
}
bool Certificate::may_sign_certificates() const noexcept {
  return (content_->key_usage & key_cert_sign) != 0;
}
bool Certificate::may_sign_crls() const noexcept { return (content_->key_usage & crl_sign) != 0; }

std::string_view Certificate::public_key_name() const noexcept {
  return content_->rsa_key ? rsa_4096_name : p384_name;
}

Result<EcdsaP384PublicKey> Certificate::ecdsa_p384_key() const {
  if (content_->p384_key) return *content_->p384_key;
  return fail(Code::unsupported, "the key of \"{}\" is {}, wanted ECDSA P-384", subject(),
              public_key_name());
}

Result<RsaPublicKey> Certificate::rsa_4096_key() const {
  if (content_->rsa_key) return *content_->rsa_key;
  return fail(Code::unsupported, "the key of \"{}\" is {}, wanted RSA-4096", subject(),
              public_key_name());
}

bool Certificate::issued_by_name(const Certificate& issuer) const noexcept {
  return issuer_der() == issuer.subject_der();
}

Status Certificate::check_signed_by(const Certificate& issuer) const {
  const auto& key = issuer.content_->rsa_key;
  if (!key) {
    return fail(Code::not_genuine, "the key of \"{}\" is {}, it cannot have signed \"{}\"",
                issuer.subject(), issuer.public_key_name(), subject());
  }
  if (const auto status = key->verify(content_->to_be_signed, content_->signature); !status) {
    return fail(Code::not_genuine, "\"{}\" is not signed by \"{}\": {}", subject(),
                issuer.subject(), status.error().message);
  }
  return {};
}

}  // namespace extreq::crypto
