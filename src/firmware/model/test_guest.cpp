#include "firmware/model/test_guest.hpp"

#include <algorithm>

#include "attestation/ecdsa_layout.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;

constexpr std::uint64_t code_gpa = 0x1000;
constexpr std::uint64_t secrets_gpa = 0x2000;

GuestPage code_page() {
  GuestPage page;
  page.fill(0xC0);
  return page;
}

}  // namespace

Installation test_installation(attestation::Product product) {
  Installation installation;
  installation.product = product;
  installation.keys = test_authority_keys();
  return installation;
}

std::unique_ptr<SecureProcessor> test_processor(attestation::Product product,
                                                const Options& options) {
  return must(SecureProcessor::in_memory(test_installation(product), options));
}

crypto::Sha384Digest test_guest_digest() {
  attestation::LaunchDigest digest;
  digest.add_page(snp::PageType::normal, code_gpa, code_page());
  digest.add_page(snp::PageType::secrets, secrets_gpa, GuestPage{});
  return digest.digest();
}

TestGuest::TestGuest(SecureProcessor& processor, const LaunchStart& start, LaunchFinish finish)
    : processor_(&processor), handle_(must(processor.create_guest())) {
  must(processor.launch_start(handle_, start));
  const GuestPage code = code_page();
  must(processor.launch_update(handle_, {snp::PageType::normal, code_gpa, code}));
  const GuestPage before{};
  const auto page =
      must(processor.launch_update(handle_, {snp::PageType::secrets, secrets_gpa, before}));
  secrets_ = *ByteReader(page.value()).object<snp::SecretsPage>();
  must(processor.launch_finish(handle_, finish));
  for (unsigned i = 0; i < snp::vmpck_count; ++i) {
    channels_.emplace_back(vmpck(i), static_cast<std::uint8_t>(i));
  }
}

message::Vmpck TestGuest::vmpck(unsigned number) const {
  const std::array keys{&secrets_.vmpck0, &secrets_.vmpck1, &secrets_.vmpck2, &secrets_.vmpck3};
  return message::Vmpck(*keys.at(number));
}

Reply TestGuest::ask(snp::MessageType type, ByteView payload, std::uint8_t version,
                     unsigned vmpck) {
  message::Requester& channel = channels_.at(vmpck);
  must(channel.seal(type, version, payload));
  message::Page request;
  std::ranges::copy(*channel.pending(), request.begin());
  message::Page response{};
  const auto status = must(processor_->guest_request(handle_, request, response));
  if (status != snp::CommandStatus::success) {
    // No response, so the number is free: the same key starts again where it was.
    const auto last = channel.last_seqno();
    channel = message::Requester(this->vmpck(vmpck), static_cast<std::uint8_t>(vmpck), last);
    return {status, {}};
  }
  return {status, must(channel.open_response(response))};
}

snp::ReportResponse TestGuest::report(std::uint32_t vmpl, std::uint32_t key_sel, unsigned vmpck) {
  snp::ReportRequest request;
  request.report_data.fill(0xDA);
  request.vmpl = vmpl;
  request.key_sel = key_sel;
  return payload_as<snp::ReportResponse>(ask_with(snp::MessageType::report_req, request, 1, vmpck));
}

bool is_signed_by(const snp::AttestationReport& report, const crypto::Certificate& leaf) {
  const Bytes bytes = ByteBuilder().object(report).take();
  const auto signature = attestation::read_signature(report.signature);
  const auto digest = crypto::sha384(ByteView(bytes).first(snp::report_signed_size));
  return signature && must(leaf.ecdsa_p384_key()).verify_digest(digest, *signature);
}

snp::IdAuth sign_id_block(const snp::IdBlock& block, const crypto::EcdsaP384PrivateKey& id_key,
                          const crypto::EcdsaP384PrivateKey* author_key) {
  const auto sign = [](const crypto::EcdsaP384PrivateKey& key, const auto& layout) {
    const Bytes bytes = ByteBuilder().object(layout).take();
    return attestation::to_layout(key.sign_digest(crypto::sha384(bytes)));
  };
  snp::IdAuth auth;
  auth.id_key_algo = snp::signature_algo_ecdsa_p384_sha384;
  auth.id_key = attestation::to_layout(id_key.public_key());
  auth.id_block_signature = sign(id_key, block);
  if (author_key != nullptr) {
    auth.auth_key_algo = snp::signature_algo_ecdsa_p384_sha384;
    auth.author_key = attestation::to_layout(author_key->public_key());
    auth.id_key_signature = sign(*author_key, auth.id_key);
  }
  return auth;
}

}  // namespace extreq::firmware::model
