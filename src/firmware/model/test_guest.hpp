// A launched guest and its end of the message channel, for tests of the model.
#pragma once

#include <string>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "message/requester.hpp"

namespace extreq::firmware::model {

// The value of a result, or an exception with its message, which fails the test.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}
template <class T>
T must(CommandResult<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// In memory, with the build tree's keys.
[[nodiscard]] std::unique_ptr<SecureProcessor> test_processor(
    attestation::Product product = attestation::Product::milan, const Options& options = {});

[[nodiscard]] Installation test_installation(
    attestation::Product product = attestation::Product::milan);

struct Reply {
  abi::snp::CommandStatus status = abi::snp::CommandStatus::success;  // the command's
  Bytes payload;                                                      // if success
};

// The reply's payload as a layout.
template <class Layout>
Layout payload_as(const Reply& reply) {
  ByteReader reader(reply.payload);
  const auto layout = reader.object<Layout>();
  if (!layout || !reader.empty()) throw std::runtime_error("response of another size");
  return *layout;
}

class TestGuest {
 public:
  // Launches a guest with one normal page and the secrets page.
  explicit TestGuest(SecureProcessor& processor, const LaunchStart& start = {},
                     LaunchFinish finish = {});

  [[nodiscard]] GuestHandle handle() const noexcept { return handle_; }
  [[nodiscard]] const abi::snp::SecretsPage& secrets() const noexcept { return secrets_; }
  [[nodiscard]] message::Vmpck vmpck(unsigned number) const;
  [[nodiscard]] message::Requester& channel(unsigned vmpck = 0) { return channels_.at(vmpck); }

  // Seals under the VMPCK, asks, opens.
  Reply ask(abi::snp::MessageType type, ByteView payload, std::uint8_t version = 1,
            unsigned vmpck = 0);
  template <class Layout>
  Reply ask_with(abi::snp::MessageType type, const Layout& request, std::uint8_t version = 1,
                 unsigned vmpck = 0) {
    return ask(type, ByteBuilder().object(request).view(), version, vmpck);
  }
  abi::snp::ReportResponse report(std::uint32_t vmpl = 0, std::uint32_t key_sel = 0,
                                  unsigned vmpck = 0);

 private:
  SecureProcessor* processor_;
  GuestHandle handle_{};
  abi::snp::SecretsPage secrets_;
  std::vector<message::Requester> channels_;
};

// The report's signature under the key of the certificate.
[[nodiscard]] bool is_signed_by(const abi::snp::AttestationReport& report,
                                const crypto::Certificate& leaf);

// ID_AUTH for a block, signed by `id_key`, which `author_key` signs if it is given.
[[nodiscard]] abi::snp::IdAuth sign_id_block(
    const abi::snp::IdBlock& block, const crypto::EcdsaP384PrivateKey& id_key,
    const crypto::EcdsaP384PrivateKey* author_key = nullptr);

// What the model's digest of such a guest is, from the pages that TestGuest gives.
[[nodiscard]] crypto::Sha384Digest test_guest_digest();

}  // namespace extreq::firmware::model
