#include "firmware/model/platform_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/model/installation.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;
using testing::HasSubstr;

PlatformState state_of(Product product) {
  Installation installation;
  installation.product = product;
  return must(new_platform(
      installation, ManualClock(std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000)))));
}

PlatformState full_state() {
  PlatformState state = state_of(Product::milan);
  state.mask_chip_id = true;
  state.current.mit_vector = 5;
  state.current.report_version = 3;
  state.current.key_request_version = 1;
  state.vlek = LoadedVlek{VlekSeed(), "Some Provider"};
  std::ranges::fill(state.vlek->seed.mutable_view(), std::uint8_t{0xEE});
  return state;
}

TEST(PlatformState, ComesBackFromItsFileForm) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin}) {
    const PlatformState state = state_of(product);
    const auto back = must(decode_platform_state(encode(state)));
    EXPECT_EQ(back.product, product);
    EXPECT_EQ(back.cpu, state.cpu);
    EXPECT_EQ(back.current.tcb, state.current.tcb);
    EXPECT_EQ(back.created_at, state.created_at);
    EXPECT_FALSE(back.vlek);
    EXPECT_EQ(encode(back), encode(state));
  }
  const PlatformState state = full_state();
  const auto back = must(decode_platform_state(encode(state)));
  EXPECT_EQ(back.vlek->csp_id, "Some Provider");
  EXPECT_EQ(back.vlek->seed.view()[0], 0xEE);
  EXPECT_TRUE(back.mask_chip_id);
  EXPECT_FALSE(back.mask_chip_key);
  EXPECT_EQ(back.current.mit_vector, 5U);
  EXPECT_EQ(encode(back), encode(state));
  EXPECT_EQ(encode(state.clone()), encode(state));
}

TEST(PlatformState, EveryDamagedBitIsNoticed) {
  Bytes file = encode(full_state());
  ASSERT_EQ(file.size(), platform_state_file_size);
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      file[at] = static_cast<std::uint8_t>(file[at] ^ 1U << bit);
      EXPECT_FALSE(decode_platform_state(file)) << "byte " << at << " bit " << bit;
      file[at] = static_cast<std::uint8_t>(file[at] ^ 1U << bit);
    }
  }
  EXPECT_TRUE(decode_platform_state(file));
}

TEST(PlatformState, EveryOtherLengthIsRefused) {
  Bytes file = encode(full_state());
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(decode_platform_state(ByteView(file).first(size)));
  }
  file.push_back(0);
  EXPECT_EQ(decode_platform_state(file).error().message,
            "platform state: 425 bytes, 424 are required");
}

TEST(PlatformState, ErrorsSayWhatIsWrongWithTheFile) {
  Bytes file = encode(full_state());
  file[0] = 'X';
  EXPECT_THAT(decode_platform_state(file).error().message,
              HasSubstr("starts with 5858545245514657"));
  file[0] = 'E';
  file[8] = 2;
  EXPECT_THAT(decode_platform_state(file).error().message, HasSubstr("format 2 of 424 bytes"));
  file[8] = 1;
  file[0x30] ^= 1U;
  EXPECT_THAT(decode_platform_state(file).error().message, HasSubstr("digest"));
}

TEST(PlatformState, ItsRulesNameTheFieldAndTheValues) {
  const auto message = [](auto change) {
    PlatformState state = full_state();
    change(state);
    const auto status = check(state);
    return status ? std::string("accepted") : status.error().message;
  };
  EXPECT_EQ(message([](PlatformState&) {}), "accepted");
  EXPECT_EQ(message([](PlatformState& s) { s.product = Product::venice; }),
            "the software model is Milan, Genoa or Turin, not Venice");
  EXPECT_THAT(message([](PlatformState& s) { s.product = Product::genoa; }),
              HasSubstr("CPUID family 0x19 model 0x1 is a Milan, the product is Genoa"));
  EXPECT_THAT(message([](PlatformState& s) { s.reported_tcb.fmc = 1; }),
              HasSubstr("the reported TCB is FMC 1"));
  EXPECT_THAT(message([](PlatformState& s) { ++s.reported_tcb.snp; }),
              HasSubstr("the committed TCB (bootloader 4, TEE 0, SNP 24, microcode 219) is not at "
                        "least the reported TCB (bootloader 4, TEE 0, SNP 25, microcode 219)"));
  EXPECT_THAT(message([](PlatformState& s) { --s.current.tcb.microcode; }),
              HasSubstr("the current TCB"));
  EXPECT_THAT(message([](PlatformState& s) { ++s.committed_version.minor; }),
              HasSubstr("the current version 1.58.29 is older than the committed 1.59.29"));
  EXPECT_THAT(message([](PlatformState& s) { s.current.report_version = 4; }),
              HasSubstr("report version is 4, 2, 3 or 5 is required"));
  EXPECT_THAT(message([](PlatformState& s) { s.current.key_request_version = 0; }),
              HasSubstr("key request version is 0"));
  EXPECT_THAT(message([](PlatformState& s) { s.vlek->csp_id.clear(); }), HasSubstr("CSP id of 0"));
  EXPECT_THAT(message([](PlatformState& s) { s.vlek->csp_id = "tab\t"; }), HasSubstr("printable"));
  PlatformState turin = state_of(Product::turin);
  turin.chip_id[8] = 1;
  EXPECT_THAT(check(turin).error().message, HasSubstr("more than the 8 bytes of Turin"));
}

TEST(PlatformState, VersionsCompareFromMajorToBuild) {
  using Version = abi::snp::FirmwareVersion;  // build, minor, major
  EXPECT_TRUE(is_older(Version{9, 9, 0, 0}, Version{0, 0, 1, 0}));
  EXPECT_TRUE(is_older(Version{9, 0, 1, 0}, Version{0, 1, 1, 0}));
  EXPECT_TRUE(is_older(Version{0, 1, 1, 0}, Version{1, 1, 1, 0}));
  EXPECT_FALSE(is_older(Version{1, 1, 1, 0}, Version{1, 1, 1, 0}));
}

TEST(Installation, SecretsAndChipIdsAreNewEachTimeUnlessGiven) {
  const PlatformState a = state_of(Product::turin);
  const PlatformState b = state_of(Product::turin);
  EXPECT_NE(a.chip_id, b.chip_id);
  EXPECT_TRUE(all_zero(ByteView(a.chip_id).subspan(8)));
  EXPECT_FALSE(equal_constant_time(a.chip_secret.view(), b.chip_secret.view()));
  EXPECT_FALSE(equal_constant_time(a.kds_secret.view(), b.kds_secret.view()));
  Installation given;
  given.chip_id.emplace().fill(7);
  EXPECT_EQ(must(new_platform(given, system_clock())).chip_id, *given.chip_id);
}

TEST(Installation, BergamoAndSienaAreGenoa) {
  Installation installation;
  installation.product = Product::genoa;
  installation.cpu = CpuSignature{0x19, 0xA0, 2};
  EXPECT_TRUE(new_platform(installation, system_clock()));
  installation.product = Product::milan;
  EXPECT_FALSE(new_platform(installation, system_clock()));
}

}  // namespace
}  // namespace extreq::firmware::model
