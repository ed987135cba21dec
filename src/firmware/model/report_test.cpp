#include "firmware/model/report.hpp"

#include <gtest/gtest.h>

#include "attestation/certificate_table.hpp"
#include "attestation/ecdsa_layout.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace info = snp::key_info;
using attestation::encode_tcb;
using attestation::Product;
using attestation::Tcb;

constexpr std::uint32_t invalid_param = 0x16;

std::uint32_t signing_key(const snp::AttestationReport& report) {
  return report.key_info >> info::signing_key_shift & info::signing_key_mask;
}

TEST(Report, SaysWhatThePlatformAndTheGuestAre) {
  Installation installation = test_installation();
  installation.firmware = usual_firmware(Product::milan);
  installation.firmware->mit_vector = 0x5;
  installation.committed_tcb = Tcb{std::nullopt, 4, 0, 23, 218};
  installation.reported_tcb = Tcb{std::nullopt, 3, 0, 22, 210};
  const auto processor = must(SecureProcessor::in_memory(installation));

  const auto id_key = must(crypto::EcdsaP384PrivateKey::generate());
  const auto author_key = must(crypto::EcdsaP384PrivateKey::generate());
  LaunchStart start;
  start.policy |= snp::policy::debug;
  LaunchFinish finish;
  finish.id_block.emplace();
  finish.id_block->launch_digest = test_guest_digest();
  finish.id_block->version = snp::id_block_version;
  finish.id_block->policy = start.policy;
  finish.id_block->guest_svn = 9;
  finish.id_block->family_id.fill(0xFA);
  finish.id_block->image_id.fill(0x1A);
  finish.id_auth = sign_id_block(*finish.id_block, id_key, &author_key);
  finish.author_key_en = true;
  finish.host_data.fill(0x4D);
  TestGuest guest(*processor, start, finish);
  const auto report = guest.report(2).report;

  EXPECT_EQ(report.version, 5U);
  EXPECT_EQ(report.guest_svn, 9U);
  EXPECT_EQ(report.policy, start.policy);
  EXPECT_EQ(report.family_id, finish.id_block->family_id);
  EXPECT_EQ(report.image_id, finish.id_block->image_id);
  EXPECT_EQ(report.vmpl, 2U);
  EXPECT_EQ(report.signature_algo, 1U);
  EXPECT_EQ(report.current_tcb, encode_tcb(usual_firmware(Product::milan).tcb));
  EXPECT_EQ(report.platform_info, installation.platform_info);
  EXPECT_EQ(report.key_info, info::author_key_en);
  EXPECT_EQ(report.reserved_04c, 0U);
  EXPECT_EQ(report.report_data[63], 0xDA);
  EXPECT_EQ(report.measurement, test_guest_digest());
  EXPECT_EQ(report.host_data, finish.host_data);
  EXPECT_EQ(report.id_key_digest, attestation::key_digest(finish.id_auth->id_key));
  EXPECT_EQ(report.author_key_digest, attestation::key_digest(finish.id_auth->author_key));
  EXPECT_FALSE(all_zero(report.report_id));
  for (const auto byte : report.report_id_ma) EXPECT_EQ(byte, 0xFF);
  EXPECT_EQ(report.reported_tcb, encode_tcb(*installation.reported_tcb));
  EXPECT_EQ(report.cpuid_family, 0x19);
  EXPECT_EQ(report.cpuid_model, 1);
  EXPECT_EQ(report.cpuid_stepping, 1);
  EXPECT_TRUE(all_zero(report.reserved_18b));
  EXPECT_EQ(report.chip_id, must(processor->get_id()));
  EXPECT_EQ(report.committed_tcb, encode_tcb(*installation.committed_tcb));
  EXPECT_EQ(to_text(report.current_version), "1.58.29");
  EXPECT_EQ(to_text(report.committed_version), "1.58.29");
  EXPECT_EQ(report.launch_tcb, report.current_tcb);
  EXPECT_EQ(report.launch_mit_vector, 5U);
  EXPECT_EQ(report.current_mit_vector, 5U);
  EXPECT_TRUE(all_zero(report.reserved_208));
  EXPECT_TRUE(all_zero(report.signature.reserved));
}

TEST(Report, OlderVersionsLeaveOutWhatTheyLack) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  FirmwareImage firmware = usual_firmware(Product::milan);
  firmware.mit_vector = 3;
  for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}, std::uint8_t{5}}) {
    firmware.report_version = version;
    must(processor->download_firmware(firmware));
    const auto report = guest.report().report;
    EXPECT_EQ(report.version, version);
    EXPECT_EQ(report.cpuid_family, version >= 3 ? 0x19 : 0);
    EXPECT_EQ(report.current_mit_vector, version >= 5 ? 3U : 0U);
    EXPECT_TRUE(
        is_signed_by(report, must(processor->kds().vcek(usual_firmware(Product::milan).tcb))));
  }
}

TEST(Report, LaunchTcbAndReportIdStayWhatTheyWereAtLaunch) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  TestGuest other(*processor);
  const auto before = guest.report().report;
  FirmwareImage firmware = usual_firmware(Product::milan);
  ++firmware.tcb.snp;
  must(processor->download_firmware(firmware));
  must(processor->commit());
  const auto after = guest.report().report;
  EXPECT_NE(after.current_tcb.get(), before.current_tcb.get());
  EXPECT_EQ(after.reported_tcb, encode_tcb(firmware.tcb));
  EXPECT_EQ(after.launch_tcb.get(), before.launch_tcb.get());
  EXPECT_EQ(after.report_id, before.report_id);
  EXPECT_NE(other.report().report.report_id, before.report_id);
}

TEST(Report, AMaskedChipIdIsZeroAndTheSignatureStays) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  snp::Config config;
  config.flags = snp::config_flags::mask_chip_id;
  must(processor->set_config(config));
  const auto report = guest.report().report;
  EXPECT_TRUE(all_zero(report.chip_id));
  EXPECT_EQ(signing_key(report), info::signing_key_vcek);
  EXPECT_TRUE(
      is_signed_by(report, must(processor->kds().vcek(usual_firmware(Product::milan).tcb))));
}

TEST(Report, AMaskedChipKeyLeavesTheSignatureZero) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  snp::Config config;
  config.flags = snp::config_flags::mask_chip_key;
  must(processor->set_config(config));
  const auto report = guest.report().report;
  EXPECT_EQ(signing_key(report), info::signing_key_none);
  EXPECT_EQ(report.key_info & info::mask_chip_key, info::mask_chip_key);
  EXPECT_TRUE(all_zero(ByteBuilder().object(report.signature).view()));
  EXPECT_FALSE(all_zero(report.chip_id));
}

class KeySelection : public testing::Test {
 protected:
  void load_vlek() { must(processor_->vlek_load(must(processor_->kds().wrap_vlek("csp", tcb_)))); }
  // The certificate that fits, or the status.
  [[nodiscard]] std::string signer(std::uint32_t key_sel) {
    const auto response = guest_.report(0, key_sel);
    if (response.status != 0) {
      EXPECT_EQ(response.report_size, 0U);
      EXPECT_TRUE(all_zero(ByteBuilder().object(response.report).view()));
      return fmt::format("{:#x}", response.status.get());
    }
    const auto which = signing_key(response.report);
    if (which == info::signing_key_vcek &&
        is_signed_by(response.report, must(processor_->kds().vcek(tcb_)))) {
      return "VCEK";
    }
    if (which == info::signing_key_vlek &&
        is_signed_by(response.report, must(processor_->kds().vlek("csp", tcb_)))) {
      return "VLEK";
    }
    return "wrong key";
  }
  Tcb tcb_ = usual_firmware(Product::milan).tcb;
  std::unique_ptr<SecureProcessor> processor_ = test_processor();
  TestGuest guest_{*processor_};
};

TEST_F(KeySelection, WithoutAVlekTheVcekSigns) {
  EXPECT_EQ(signer(0), "VCEK");
  EXPECT_EQ(signer(1), "VCEK");
  EXPECT_EQ(signer(2), "0x27");
  EXPECT_EQ(signer(3), "0x27");
  EXPECT_EQ(signer(4), "0x16") << "a reserved bit";
}

TEST_F(KeySelection, WithAVlekItSignsUnlessTheVcekIsAskedFor) {
  load_vlek();
  EXPECT_EQ(must(processor_->platform_status()).flags & snp::platform_status_flags::vlek_en,
            snp::platform_status_flags::vlek_en);
  EXPECT_EQ(signer(0), "VLEK");
  EXPECT_EQ(signer(1), "VCEK");
  EXPECT_EQ(signer(2), "VLEK");
  EXPECT_EQ(signer(3), "0x27");
}

TEST_F(KeySelection, ALostVlekFallsBackToTheVcek) {
  load_vlek();
  FirmwareImage firmware = usual_firmware(Product::milan);
  ++firmware.tcb.snp;
  must(processor_->download_firmware(firmware));
  EXPECT_EQ(signer(0), "VLEK") << "the reported TCB is the same";
  must(processor_->commit());
  tcb_ = firmware.tcb;
  EXPECT_EQ(signer(0), "VCEK");
  EXPECT_EQ(signer(2), "0x27");
}

TEST_F(KeySelection, AGuestWithoutVcekNeverGetsItsSignature) {
  LaunchFinish finish;
  finish.vcek_disabled = true;
  guest_ = TestGuest(*processor_, {}, finish);
  EXPECT_EQ(signer(0), "0x27");
  EXPECT_EQ(signer(1), "0x27");
  load_vlek();
  EXPECT_EQ(signer(0), "VLEK");
  EXPECT_EQ(signer(1), "0x27");
}

TEST_F(KeySelection, TheTableFollows) {
  const auto table_has = [&](const char* name) {
    const auto table =
        must(attestation::CertificateTable::parse(must(processor_->certificate_table())));
    return std::ranges::any_of(table.entries(), [&](const auto& entry) {
      return attestation::certificate_name(entry.guid) == name;
    });
  };
  EXPECT_TRUE(table_has("VCEK"));
  load_vlek();
  EXPECT_TRUE(table_has("VLEK"));
  EXPECT_FALSE(table_has("VCEK"));
}

TEST(ReportRequest, AVmplBelowTheRequestersOwnIsRefusedInsideTheResponse) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  for (unsigned vmpck = 0; vmpck < 4; ++vmpck) {
    for (std::uint32_t vmpl = 0; vmpl < 6; ++vmpl) {
      const auto response = guest.report(vmpl, 0, vmpck);
      const bool allowed = vmpl >= vmpck && vmpl < 4;
      EXPECT_EQ(response.status, allowed ? 0 : invalid_param) << vmpl << " under " << vmpck;
      EXPECT_EQ(response.report.vmpl, allowed ? vmpl : 0);
    }
    EXPECT_EQ(guest.report(0xFFFFFFFF, 0, vmpck).status, invalid_param) << "that is the host's";
  }
}

TEST(ReportRequest, EveryReservedByteIsRefusedInsideTheResponse) {
  const auto processor = test_processor();
  TestGuest guest(*processor);
  for (std::size_t at = 0; at < sizeof(snp::ReportRequest::reserved); ++at) {
    snp::ReportRequest request;
    request.reserved[at] = 1;
    const auto reply = guest.ask_with(snp::MessageType::report_req, request);
    EXPECT_EQ(payload_as<snp::ReportResponse>(reply).status, invalid_param);
  }
  EXPECT_EQ(guest.report().status, 0U);
}

}  // namespace
}  // namespace extreq::firmware::model
