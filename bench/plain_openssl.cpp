#include "bench/plain_openssl.hpp"

#include <algorithm>

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "abi/kds.hpp"
#include "abi/snp_firmware.hpp"
#include "attestation/product.hpp"
#include "attestation/tcb.hpp"
#include "base/byte_reader.hpp"

namespace extreq::bench {
namespace {

namespace snp = abi::snp;

X509* parse(ByteView der) {
  const unsigned char* at = der.data();
  return d2i_X509(nullptr, &at, static_cast<long>(der.size()));
}

bool is_valid_at(const X509* x509, std::chrono::sys_seconds at) {
  std::time_t moment = at.time_since_epoch().count();
  return X509_cmp_time(X509_get0_notBefore(x509), &moment) < 0 &&
         X509_cmp_time(X509_get0_notAfter(x509), &moment) > 0;
}

bool is_authority(X509* x509) {
  return X509_check_ca(x509) == 1 && (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0;
}

bool issued(const X509* issuer, const X509* subject) {
  return X509_NAME_cmp(X509_get_issuer_name(subject), X509_get_subject_name(issuer)) == 0;
}

ByteView extension(const X509* x509, std::string_view oid) {
  ASN1_OBJECT* const object = OBJ_txt2obj(oid.data(), 1);
  const int at = X509_get_ext_by_OBJ(x509, object, -1);
  ASN1_OBJECT_free(object);
  if (at < 0) return {};
  const ASN1_OCTET_STRING* const data = X509_EXTENSION_get_data(X509_get_ext(x509, at));
  return {ASN1_STRING_get0_data(data), static_cast<std::size_t>(ASN1_STRING_length(data))};
}

// A DER INTEGER of one byte.
int small_integer(ByteView der) {
  if (der.size() == 3) return der[2];
  return der.size() == 4 ? der[3] : -1;
}

bool tcb_matches(const X509* leaf, std::uint64_t reported, attestation::TcbLayout layout) {
  const auto tcb = attestation::decode_tcb(reported, layout);
  return std::ranges::all_of(attestation::tcb_fields(layout), [&](const auto& field) {
    return small_integer(extension(leaf, field.spl_oid)) == field.get(tcb);
  });
}

bool chip_matches(const X509* leaf, const snp::AttestationReport& report) {
  const ByteView hwid = extension(leaf, abi::kds::oid::hwid);
  const ByteView chip_id = report.chip_id;
  return !hwid.empty() && hwid.size() <= chip_id.size() &&
         std::ranges::equal(chip_id.first(hwid.size()), hwid);
}

BIGNUM* component(const abi::ByteArray<snp::ecdsa_component_size>& little_endian) {
  return BN_lebin2bn(little_endian.data(), static_cast<int>(little_endian.size()), nullptr);
}

bool signature_fits(EVP_PKEY* key, ByteView report, const snp::EcdsaSignature& raw) {
  ECDSA_SIG* const signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, component(raw.r), component(raw.s));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool fits = size > 0 &&
                    EVP_DigestVerifyInit(context, nullptr, EVP_sha384(), nullptr, key) == 1 &&
                    EVP_DigestVerify(context, der, static_cast<std::size_t>(size), report.data(),
                                     snp::report_signed_size) == 1;
  EVP_MD_CTX_free(context);
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  return fits;
}

}  // namespace

std::unique_ptr<PlainLeaf> PlainLeaf::verify_chain(const PlainEvidence& evidence,
                                                   ByteView trusted_root,
                                                   std::chrono::sys_seconds at) {
  std::unique_ptr<PlainLeaf> result(new PlainLeaf);
  result->leaf_.reset(parse(evidence.leaf));
  result->intermediate_.reset(parse(evidence.intermediate));
  result->root_.reset(parse(evidence.root));
  X509* const leaf = result->leaf_.get();
  X509* const intermediate = result->intermediate_.get();
  X509* const root = result->root_.get();
  if (leaf == nullptr || intermediate == nullptr || root == nullptr) return nullptr;
  const bool good = std::ranges::equal(evidence.root, trusted_root) && is_authority(root) &&
                    is_authority(intermediate) && issued(root, root) &&
                    issued(root, intermediate) && issued(intermediate, leaf) &&
                    is_valid_at(leaf, at) && is_valid_at(intermediate, at) &&
                    is_valid_at(root, at) && X509_verify(root, X509_get0_pubkey(root)) == 1 &&
                    X509_verify(intermediate, X509_get0_pubkey(root)) == 1 &&
                    X509_verify(leaf, X509_get0_pubkey(intermediate)) == 1;
  return good ? std::move(result) : nullptr;
}

bool PlainLeaf::verify_report(ByteView bytes, std::chrono::sys_seconds at) const {
  const auto report = ByteReader(bytes).object<snp::AttestationReport>();
  if (!report || report->signature_algo != snp::signature_algo_ecdsa_p384_sha384) return false;
  if (!is_valid_at(leaf_.get(), at) || !is_valid_at(intermediate_.get(), at) ||
      !is_valid_at(root_.get(), at)) {
    return false;
  }
  const ByteView name = extension(leaf_.get(), abi::kds::oid::product_name);
  if (name.size() < 2) return false;
  const auto product = attestation::product_from_name(std::string(name.begin() + 2, name.end()));
  return product && tcb_matches(leaf_.get(), report->reported_tcb, layout_of(*product)) &&
         chip_matches(leaf_.get(), *report) &&
         signature_fits(X509_get0_pubkey(leaf_.get()), bytes, report->signature);
}

bool plain_one_shot(const PlainEvidence& evidence, ByteView trusted_root,
                    std::chrono::sys_seconds at) {
  const auto leaf = PlainLeaf::verify_chain(evidence, trusted_root, at);
  return leaf && leaf->verify_report(evidence.report, at);
}

}  // namespace extreq::bench
