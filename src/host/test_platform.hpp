// What the tests of this folder stand on: a model platform and a blob in a temporary folder.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "attestation/tcb.hpp"
#include "base/temporary_directory.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "host/update_transaction.hpp"
#include "lease/blob_source.hpp"

namespace extreq::host {

inline constexpr attestation::Tcb tcb_old{std::nullopt, 3, 0, 20, 200};
inline constexpr attestation::Tcb tcb_new{std::nullopt, 4, 0, 22, 213};

class TestPlatform {
 public:
  TestPlatform() : directory_(*TemporaryDirectory::create("extreq-host")) {
    firmware::model::Installation installation;
    installation.keys = firmware::model::test_authority_keys();
    firmware::model::FirmwareImage image =
        firmware::model::usual_firmware(attestation::Product::milan);
    image.tcb = tcb_new;
    installation.firmware = image;
    installation.committed_tcb = tcb_new;
    installation.reported_tcb = tcb_old;
    auto processor = firmware::model::SecureProcessor::in_memory(installation);
    EXPECT_TRUE(processor) << processor.error().message;
    processor_ = *std::move(processor);
  }

  [[nodiscard]] firmware::model::SecureProcessor& processor() { return *processor_; }
  [[nodiscard]] std::string blob() const { return directory_.path() + "/host.blob"; }

  // The model's key service.
  [[nodiscard]] CertificateProvider provider() {
    return [this](const SigningState& state) -> Result<Bytes> {
      ++asked;
      std::optional<std::string> csp_id;
      if (state.vlek_loaded) csp_id = state.csp_id;
      return processor_->kds().certificate_table(
          attestation::decode_tcb(state.reported_tcb, attestation::layout_of(state.product)),
          csp_id);
    };
  }

  [[nodiscard]] Status report_tcb(const attestation::Tcb& tcb) {
    abi::snp::Config config;
    config.reported_tcb = attestation::encode_tcb(tcb);
    if (auto done = processor_->set_config(config); !done) {
      return fail(Code::io, "{}", done.error().message);
    }
    return {};
  }

  // The VLEK of `provider` signs; `named` is whose the operator has said that it is.
  void load_vlek(const std::string& provider, const std::string& named) {
    const auto status = processor_->platform_status();
    ASSERT_TRUE(status);
    const auto tcb = attestation::decode_tcb(status->reported_tcb, attestation::TcbLayout::milan);
    const auto hashstick = processor_->kds().wrap_vlek(provider, tcb);
    ASSERT_TRUE(hashstick);
    ASSERT_TRUE(processor_->vlek_load(*hashstick));
    processor_->set_vlek_provider(named);
  }

  // What a guest would get now; nullopt if a reader would have to wait.
  [[nodiscard]] std::optional<Bytes> served() const {
    lease::BlobSource source(blob());
    auto holder = source.open_holder();
    if (!holder) return std::nullopt;
    const auto table = (*holder)->acquire({});
    if (!table) return std::nullopt;
    return Bytes(table->begin(), table->end());
  }

  int asked = 0;  // calls of provider()

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
};

// A change that is meant to lead to this TCB, whatever the command does.
[[nodiscard]] inline UpdateTransaction::Plan plan_tcb(const attestation::Tcb& tcb,
                                                      UpdateTransaction::Command command) {
  return [tcb, command = std::move(command)](
             const PlatformState& before) -> Result<UpdateTransaction::Change> {
    UpdateTransaction::Change change{before.signing, command};
    change.leads_to.reported_tcb = attestation::encode_tcb(tcb);
    return change;
  };
}

}  // namespace extreq::host
