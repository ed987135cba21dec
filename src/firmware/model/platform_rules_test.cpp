#include "firmware/model/platform_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/model/endorsement_keys.hpp"
#include "firmware/model/installation.hpp"
#include "firmware/model/test_guest.hpp"
#include "firmware/model/wrapped_vlek.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using attestation::encode_tcb;
using attestation::Product;
using attestation::Tcb;
using snp::CommandStatus;
using testing::HasSubstr;

constexpr Tcb current{std::nullopt, 5, 1, 25, 220};
constexpr Tcb committed{std::nullopt, 4, 1, 24, 219};
constexpr Tcb reported{std::nullopt, 3, 1, 23, 218};

PlatformState milan() {
  Installation installation;
  installation.firmware = usual_firmware(Product::milan);
  installation.firmware->tcb = current;
  installation.committed_tcb = committed;
  installation.reported_tcb = reported;
  return must(new_platform(installation, system_clock()));
}

PlatformState milan_with_vlek() {
  PlatformState state = milan();
  state.vlek = LoadedVlek{VlekSeed(), "csp"};
  return state;
}

snp::Config config_of(const Tcb& tcb) {
  snp::Config config;
  config.reported_tcb = encode_tcb(tcb);
  return config;
}

// The command refuses with this status and these words, and the state is as it was.
template <class Command>
void expect_refused(PlatformState& state, Command command, CommandStatus status,
                    const char* words) {
  const Bytes before = encode(state);
  const CommandResult<void> result = command();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, status);
  EXPECT_THAT(result.error().message, HasSubstr(words));
  EXPECT_EQ(encode(state), before);
}

TEST(SnpConfig, SetsReportedTcbAndMasks) {
  PlatformState state = milan();
  auto config = config_of(committed);
  config.flags = snp::config_flags::mask_chip_key;
  ASSERT_TRUE(apply_config(state, config));
  EXPECT_EQ(state.reported_tcb, committed);
  EXPECT_FALSE(state.mask_chip_id);
  EXPECT_TRUE(state.mask_chip_key);
  config.flags = snp::config_flags::mask_chip_id;
  ASSERT_TRUE(apply_config(state, config));
  EXPECT_TRUE(state.mask_chip_id);
  EXPECT_FALSE(state.mask_chip_key);
}

TEST(SnpConfig, ZeroMeansTheCommittedTcb) {
  PlatformState state = milan();
  ASSERT_TRUE(apply_config(state, {}));
  EXPECT_EQ(state.reported_tcb, committed);
}

TEST(SnpConfig, EachComponentAboveTheCommittedTcbIsRefusedByName) {
  PlatformState state = milan();
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::milan)) {
    Tcb above = reported;  // the others lie below
    field.set(above, static_cast<std::uint8_t>(field.get(committed) + 1));
    const auto words =
        fmt::format("SNP_CONFIG: REPORTED_TCB must not exceed the committed TCB: {} {} is above {}",
                    field.name, field.get(above), field.get(committed));
    expect_refused(
        state, [&] { return apply_config(state, config_of(above)); }, CommandStatus::invalid_param,
        words.c_str());
  }
}

TEST(SnpConfig, EveryReservedBitIsRefused) {
  PlatformState state = milan();
  for (std::size_t at = 0; at < sizeof(snp::Config::reserved); ++at) {
    auto config = config_of(reported);
    config.reserved[at] = 1;
    expect_refused(
        state, [&] { return apply_config(state, config); }, CommandStatus::invalid_param,
        "the reserved bytes from 0x0C on");
  }
  for (unsigned bit = 2; bit < 32; ++bit) {
    auto config = config_of(reported);
    config.flags = 1U << bit;
    expect_refused(
        state, [&] { return apply_config(state, config); }, CommandStatus::invalid_param,
        "only bits 0 (mask chip id) and 1 (mask chip key)");
  }
  for (unsigned bit = 16; bit < 48; ++bit) {  // reserved bytes of Milan's TCB_VERSION
    auto config = config_of(reported);
    config.reported_tcb = config.reported_tcb | 1ULL << bit;
    expect_refused(
        state, [&] { return apply_config(state, config); }, CommandStatus::invalid_param,
        "reserved in Milan's TCB layout");
  }
}

TEST(SnpConfig, AnotherReportedTcbDeletesTheVlekAndTheSameOneKeepsIt) {
  PlatformState state = milan_with_vlek();
  ASSERT_TRUE(apply_config(state, config_of(reported)));
  EXPECT_TRUE(state.vlek);
  ASSERT_TRUE(apply_config(state, config_of(committed)));
  EXPECT_FALSE(state.vlek);
}

TEST(SnpConfig, TurinsLayoutIsReadAsTurins) {
  Installation installation;
  installation.product = Product::turin;
  PlatformState state = must(new_platform(installation, system_clock()));
  Tcb tcb = state.committed_tcb;
  --*tcb.fmc;
  ASSERT_TRUE(apply_config(state, config_of(tcb)));
  EXPECT_EQ(state.reported_tcb, tcb);
  *tcb.fmc = 2;
  expect_refused(
      state, [&] { return apply_config(state, config_of(tcb)); }, CommandStatus::invalid_param,
      "FMC 2 is above 1");
}

TEST(SnpCommit, RaisesCommittedAndReportedToTheCurrentOne) {
  PlatformState state = milan_with_vlek();
  state.current.version.build = 99;
  apply_commit(state);
  EXPECT_EQ(state.committed_tcb, current);
  EXPECT_EQ(state.reported_tcb, current);
  EXPECT_EQ(state.committed_version.build, 99);
  EXPECT_FALSE(state.vlek) << "the reported TCB changed";
  state.vlek = LoadedVlek{VlekSeed(), "csp"};
  apply_commit(state);
  EXPECT_TRUE(state.vlek) << "nothing changed";
}

TEST(DownloadFirmware, RunsAnImageAndLeavesCommittedAndReported) {
  PlatformState state = milan_with_vlek();
  FirmwareImage image = state.current;
  image.tcb.snp = 30;
  image.version.minor = 59;
  image.report_version = 3;
  ASSERT_TRUE(apply_firmware(state, image));
  EXPECT_EQ(state.current.tcb, image.tcb);
  EXPECT_EQ(state.current.report_version, 3);
  EXPECT_EQ(state.committed_tcb, committed);
  EXPECT_EQ(state.reported_tcb, reported);
  EXPECT_TRUE(state.vlek);
}

TEST(DownloadFirmware, GoesBackToTheCommittedOneAndNotBelow) {
  PlatformState state = milan();
  FirmwareImage image = state.current;
  image.tcb = committed;
  ASSERT_TRUE(apply_firmware(state, image));
  image.tcb.snp = 23;
  expect_refused(
      state, [&] { return apply_firmware(state, image); }, CommandStatus::bad_svn,
      "the image is below the committed TCB: committed SNP 24 is above 23");
  image = state.current;
  --image.version.build;
  expect_refused(
      state, [&] { return apply_firmware(state, image); }, CommandStatus::bad_version,
      "version 1.58.28 is older than the committed 1.58.29");
}

TEST(DownloadFirmware, RefusesWhatIsNoFirmwareForTheProduct) {
  PlatformState state = milan();
  expect_refused(
      state, [&] { return apply_firmware(state, usual_firmware(Product::turin)); },
      CommandStatus::invalid_param, "which is not Milan's layout");
  FirmwareImage image = state.current;
  image.report_version = 4;
  expect_refused(
      state, [&] { return apply_firmware(state, image); }, CommandStatus::invalid_param,
      "report version is 4");
}

class VlekLoad : public testing::Test {
 protected:
  VlekLoad() {
    vlek_.csp_id = "Example Cloud";
    vlek_.seed = derive_vlek_seed(state_.kds_secret, vlek_.csp_id);
    wrapped_ = must(wrap_vlek(state_.chip_secret, vlek_, reported));
  }
  void expect_load_refused(CommandStatus status, const char* words) {
    expect_refused(
        state_, [&] { return apply_vlek(state_, wrapped_); }, status, words);
  }
  PlatformState state_ = milan();
  LoadedVlek vlek_;
  snp::WrappedVlek wrapped_;
};

TEST_F(VlekLoad, TakesAHashstickForTheReportedTcb) {
  ASSERT_TRUE(apply_vlek(state_, wrapped_));
  EXPECT_EQ(state_.vlek->csp_id, "Example Cloud");
  EXPECT_TRUE(equal_constant_time(state_.vlek->seed.view(), vlek_.seed.view()));
}

TEST_F(VlekLoad, RefusesAnotherTcbWithBothInTheMessage) {
  wrapped_ = must(wrap_vlek(state_.chip_secret, vlek_, committed));
  expect_load_refused(CommandStatus::invalid_param,
                      "the hashstick is for TCB 0xdb18000000000104, the reported TCB is "
                      "0xda17000000000103");
}

TEST_F(VlekLoad, RefusesAHashstickForAnotherChip) {
  wrapped_ = must(wrap_vlek(milan().chip_secret, vlek_, reported));
  expect_load_refused(CommandStatus::bad_measurement, "wrapped for another chip, or changed");
}

TEST_F(VlekLoad, RefusesEveryDamagedByte) {
  const Bytes good = ByteBuilder().object(wrapped_).take();
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= 1U;
    wrapped_ = *ByteReader(bad).object<snp::WrappedVlek>();
    const bool reserved = (at >= 0x0C && at < 0x10) || (at >= 0x198 && at < 0x1A0);
    expect_load_refused(reserved ? CommandStatus::invalid_param : CommandStatus::bad_measurement,
                        reserved ? "reserved" : "changed");
  }
}

TEST(WrapVlek, RefusesProvidersThatHaveNoName) {
  LoadedVlek vlek{VlekSeed(), ""};
  EXPECT_FALSE(wrap_vlek(Secret<64>(), vlek, reported));
  vlek.csp_id.assign(csp_id_max, 'x');
  EXPECT_TRUE(wrap_vlek(Secret<64>(), vlek, reported));
  vlek.csp_id.push_back('x');
  EXPECT_FALSE(wrap_vlek(Secret<64>(), vlek, reported));
}

TEST(SnpPlatformStatus, ShowsVersionsFlagsAndTcbs) {
  PlatformState state = milan_with_vlek();
  state.mask_chip_key = true;
  const auto status = platform_status(state, 3);
  EXPECT_EQ(status.api_major, 1);
  EXPECT_EQ(status.api_minor, 58);
  EXPECT_EQ(status.build_id, 29U);
  EXPECT_EQ(status.state, 1);
  EXPECT_EQ(status.byte3, 3) << "RMP initialised, alias check complete";
  EXPECT_EQ(status.flags, 6U) << "mask chip key, VLEK";
  EXPECT_EQ(status.guest_count, 3U);
  EXPECT_EQ(status.current_tcb, encode_tcb(current));
  EXPECT_EQ(status.reported_tcb, encode_tcb(reported));
  state.vlek.reset();
  state.mask_chip_key = false;
  state.mask_chip_id = true;
  state.platform_info = snp::platform_info::rapl_dis | snp::platform_info::tio_en |
                        snp::platform_info::ciphertext_hiding_dram_en;
  const auto other = platform_status(state, 0);
  EXPECT_EQ(other.byte3, 9) << "RMP initialised, TIO enabled";
  EXPECT_EQ(other.flags, 0xF1U) << "mask chip id, RAPL off, ciphertext hiding twice, TIO";
}

}  // namespace
}  // namespace extreq::firmware::model
