#include "attestation/tcb.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace extreq::attestation {
namespace {

TEST(Tcb, DecodesTheLayoutOfMilanAndGenoa) {
  const Tcb tcb = decode_tcb(0x0807'0605'0403'0201, TcbLayout::milan);
  EXPECT_EQ(tcb.fmc, std::nullopt);
  EXPECT_EQ(tcb.bootloader, 1);
  EXPECT_EQ(tcb.tee, 2);
  EXPECT_EQ(tcb.snp, 7);
  EXPECT_EQ(tcb.microcode, 8);
}

TEST(Tcb, DecodesTheLayoutOfTurinAndVenice) {
  const Tcb tcb = decode_tcb(0x0807'0605'0403'0201, TcbLayout::turin);
  EXPECT_EQ(tcb.fmc, 1);
  EXPECT_EQ(tcb.bootloader, 2);
  EXPECT_EQ(tcb.tee, 3);
  EXPECT_EQ(tcb.snp, 4);
  EXPECT_EQ(tcb.microcode, 8);
}

TEST(Tcb, TheLayoutFollowsTheProduct) {
  EXPECT_EQ(layout_of(Product::milan), TcbLayout::milan);
  EXPECT_EQ(layout_of(Product::genoa), TcbLayout::milan);
  EXPECT_EQ(layout_of(Product::turin), TcbLayout::turin);
  EXPECT_EQ(layout_of(Product::venice), TcbLayout::turin);
}

TEST(Tcb, EncodesWhatItDecodesInBothLayouts) {
  constexpr std::uint64_t milan = 0x4405'0000'0000'0002;
  EXPECT_EQ(encode_tcb(decode_tcb(milan, TcbLayout::milan)), milan);
  constexpr std::uint64_t turin = 0x4D00'0000'0403'0201;
  EXPECT_EQ(encode_tcb(decode_tcb(turin, TcbLayout::turin)), turin);
}

TEST(Tcb, EachReservedBitIsSeen) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    const unsigned byte = bit / 8;
    EXPECT_EQ(reserved_bits_zero(1ULL << bit, TcbLayout::milan), byte < 2 || byte > 5) << bit;
    EXPECT_EQ(reserved_bits_zero(1ULL << bit, TcbLayout::turin), byte < 4 || byte > 6) << bit;
  }
}

TEST(Tcb, IsComparedComponentByComponent) {
  const Tcb base{std::nullopt, 2, 0, 5, 68};
  EXPECT_TRUE(all_components_at_least(base, base));
  for (const TcbField& field : tcb_fields(TcbLayout::milan)) {
    Tcb higher = base;
    field.set(higher, static_cast<std::uint8_t>(field.get(base) + 1));
    EXPECT_TRUE(all_components_at_least(higher, base)) << field.name;
    EXPECT_FALSE(all_components_at_least(base, higher)) << field.name;
    EXPECT_NE(higher, base) << field.name;
  }
}

TEST(Tcb, AHigherMicrocodeDoesNotMakeUpForALowerBootloader) {
  const Tcb one{std::nullopt, 2, 0, 5, 255};
  const Tcb other{std::nullopt, 3, 0, 5, 68};
  EXPECT_GT(encode_tcb(one), encode_tcb(other));
  EXPECT_FALSE(all_components_at_least(one, other));
  EXPECT_FALSE(all_components_at_least(other, one));
}

TEST(Tcb, TcbsOfDifferentLayoutsAreNeverAtLeastEachOther) {
  const Tcb milan{std::nullopt, 9, 9, 9, 9};
  const Tcb turin{std::uint8_t{0}, 0, 0, 0, 0};
  EXPECT_FALSE(all_components_at_least(milan, turin));
  EXPECT_FALSE(all_components_at_least(turin, milan));
  EXPECT_NE(milan, turin);
}

TEST(Tcb, TheTextNamesEachComponent) {
  EXPECT_EQ(to_text(Tcb{std::nullopt, 2, 0, 5, 68}), "bootloader 2, TEE 0, SNP 5, microcode 68");
  EXPECT_EQ(to_text(Tcb{std::uint8_t{1}, 2, 0, 5, 217}),
            "FMC 1, bootloader 2, TEE 0, SNP 5, microcode 217");
}

TEST(Tcb, FieldsCarryTheNamesOfTheKeyServiceInItsOrder) {
  std::string parameters;
  std::string oids;
  for (const TcbField& field : tcb_fields(TcbLayout::turin)) {
    parameters += std::string(field.kds_parameter) + " ";
    oids += std::string(field.spl_oid.substr(field.spl_oid.size() - 3)) + " ";
  }
  EXPECT_EQ(parameters, "fmcSPL blSPL teeSPL snpSPL ucodeSPL ");
  EXPECT_EQ(oids, "3.9 3.1 3.2 3.3 3.8 ");
  EXPECT_EQ(tcb_fields(TcbLayout::milan).size(), 4U);
  EXPECT_EQ(tcb_fields(TcbLayout::milan).front().kds_parameter, "blSPL");
}

TEST(Tcb, SettingThroughTheFieldsReachesTheRightBytes) {
  Tcb tcb{std::uint8_t{0}, 0, 0, 0, 0};
  std::uint8_t value = 1;
  for (const TcbField& field : tcb_fields(TcbLayout::turin)) field.set(tcb, value++);
  EXPECT_EQ(encode_tcb(tcb), 0x0500'0000'0403'0201U);
}

}  // namespace
}  // namespace extreq::attestation
