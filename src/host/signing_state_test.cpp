#include "host/signing_state.hpp"

#include "attestation/certificate_table.hpp"
#include "host/test_platform.hpp"

namespace extreq::host {
namespace {

std::string why_not(ByteView table, const SigningState& state) {
  const auto status = check_fits(table, state);
  return status ? "fits" : status.error().message;
}

TEST(SigningState, SaysWhatThePlatformSignsWith) {
  TestPlatform platform;
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  EXPECT_EQ(state->product, attestation::Product::milan);
  EXPECT_EQ(state->reported_tcb, attestation::encode_tcb(tcb_old));
  EXPECT_EQ(to_text(*state),
            "Milan, reported TCB bootloader 3, TEE 0, SNP 20, microcode 200, VCEK");
}

TEST(SigningState, APlatformThatDoesNotAnswerIsNamed) {
  TestPlatform platform;
  platform.processor().faults().fail_platform_commands(
      abi::snp::CommandStatus::invalid_platform_state, 1);
  const auto state = read_signing_state(platform.processor());
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::io);
}

TEST(CheckFits, TheTableOfTheStateFitsAndNoOther) {
  TestPlatform platform;
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  const auto table = platform.provider()(*state);
  ASSERT_TRUE(table);
  EXPECT_EQ(why_not(*table, *state), "fits");

  SigningState other = *state;
  other.vlek_loaded = true;
  other.csp_id = "A";
  EXPECT_EQ(why_not(*table, other), "certificate table: it has no VLEK");
  other = *state;
  other.product = attestation::Product::genoa;
  EXPECT_EQ(why_not(*table, other),
            "certificate table: the VCEK is for Milan, this machine is Genoa");
  other = *state;
  other.mask_chip_key = true;
  EXPECT_NE(why_not(*table, other), "fits");
}

TEST(CheckFits, AVlekFitsOnlyIfItIsOfTheProviderWhoseVlekIsLoaded) {
  TestPlatform platform;
  platform.load_vlek("A", "A");
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  EXPECT_EQ(to_text(*state),
            "Milan, reported TCB bootloader 3, TEE 0, SNP 20, microcode 200, VLEK of provider A");
  const auto table = platform.provider()(*state);
  ASSERT_TRUE(table);
  EXPECT_EQ(why_not(*table, *state), "fits");
  SigningState other = *state;
  other.csp_id = "B";
  EXPECT_EQ(why_not(*table, other),
            "certificate table: the VLEK is of provider A, the loaded one is of B");
}

TEST(CheckFits, NothingFitsAVlekOfAProviderThatIsNotKnown) {
  TestPlatform platform;
  platform.load_vlek("A", "A");
  const auto table = platform.provider()(read_signing_state(platform.processor()).value());
  ASSERT_TRUE(table);
  platform.load_vlek("A", "");
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  EXPECT_NE(why_not(*table, *state).find("--csp-id"), std::string::npos);
  EXPECT_EQ(check_vlek_provider(*state).error().code, Code::unsupported);
  EXPECT_TRUE(check_vlek_provider(without_vlek(*state)));
}

TEST(CheckFits, EveryComponentOfTheTcbCounts) {
  TestPlatform platform;
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  const auto table = platform.provider()(*state);
  ASSERT_TRUE(table);
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::milan)) {
    attestation::Tcb tcb = tcb_old;
    field.set(tcb, static_cast<std::uint8_t>(field.get(tcb) + 1));
    SigningState other = *state;
    other.reported_tcb = attestation::encode_tcb(tcb);
    EXPECT_NE(why_not(*table, other), "fits") << field.name;
  }
}

TEST(CheckFits, EveryByteOfTheChipIdCounts) {
  TestPlatform platform;
  const auto state = read_signing_state(platform.processor());
  ASSERT_TRUE(state);
  const auto table = platform.provider()(*state);
  ASSERT_TRUE(table);
  for (std::size_t i = 0; i < state->chip_id.size(); ++i) {
    SigningState other = *state;
    other.chip_id.at(i) = static_cast<std::uint8_t>(other.chip_id.at(i) ^ 1U);
    EXPECT_NE(why_not(*table, other), "fits") << i;
  }
}

TEST(CheckFits, GarbageIsNamedAsSuch) {
  EXPECT_NE(why_not(Bytes(100, 0xFF), {}), "fits");
  EXPECT_EQ(why_not({}, {}), "certificate table: it has no VCEK");
}

}  // namespace
}  // namespace extreq::host
