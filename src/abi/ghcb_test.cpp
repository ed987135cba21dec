#include "abi/ghcb.hpp"

#include <string>

#include "abi/layout_test.hpp"

namespace extreq::abi::ghcb {
namespace {

TEST(Ghcb, TheValidBitOfAFieldCountsEightByteSteps) {
  expect_numbers({
      {"cpl", valid_bit(0x0CB), 25},
      {"rax", valid_bit(0x1F8), 63},
      {"rbx", valid_bit(0x318), 99},
      {"sw_exitcode", valid_bit(0x390), 114},
      {"sw_exitinfo1", valid_bit(0x398), 115},
      {"sw_exitinfo2", valid_bit(0x3A0), 116},
      {"sw_scratch", valid_bit(0x3A8), 117},
      {"xcr0", valid_bit(0x3E8), 125},
  });
}

TEST(Ghcb, MarkingAFieldValidSetsItsBitAndNoOther) {
  for (std::size_t field_offset = 0; field_offset < 0x400; field_offset += 8) {
    ValidBitmap bitmap{};
    mark_valid(bitmap, field_offset);
    ValidBitmap wanted{};
    wanted[field_offset / 64] = static_cast<std::uint8_t>(1U << (field_offset / 8 % 8));
    EXPECT_EQ(bitmap, wanted) << field_offset;
    EXPECT_TRUE(is_valid(bitmap, field_offset));
    EXPECT_TRUE(is_valid(bitmap, field_offset + 7));
    EXPECT_FALSE(is_valid(bitmap, (field_offset + 8) % 0x400));
  }
}

TEST(Ghcb, MarkingAddsToWhatIsMarked) {
  ValidBitmap bitmap{};
  mark_valid(bitmap, offsetof(Page, rax));
  mark_valid(bitmap, offsetof(Page, rbx));
  mark_valid(bitmap, offsetof(Page, sw_exitcode));
  EXPECT_TRUE(is_valid(bitmap, offsetof(Page, rax)));
  EXPECT_TRUE(is_valid(bitmap, offsetof(Page, rbx)));
  EXPECT_TRUE(is_valid(bitmap, offsetof(Page, sw_exitcode)));
  EXPECT_FALSE(is_valid(bitmap, offsetof(Page, rcx)));
}

TEST(Ghcb, OffsetsThatTheBitmapDoesNotCoverAreNeverValid) {
  ValidBitmap bitmap{};
  mark_valid(bitmap, 0x400);
  mark_valid(bitmap, SIZE_MAX);
  EXPECT_EQ(bitmap, ValidBitmap{});
  bitmap.fill(0xFF);
  EXPECT_TRUE(is_valid(bitmap, 0x3FF));
  EXPECT_FALSE(is_valid(bitmap, 0x400));
  EXPECT_FALSE(is_valid(bitmap, SIZE_MAX));
}

TEST(Ghcb, AnExceptionIsWrittenAsEventInjection) {
  EXPECT_EQ(encode_exception(vector_ud), 0x80000306U);
  EXPECT_EQ(encode_exception(vector_gp), 0x8000030DU);
}

TEST(Ghcb, ATerminationReasonIsReadFromTheMsrProtocolsBits) {
  EXPECT_EQ(decode_termination_msr(0x20100),
            (Termination{termination::set_general, termination::snp_features_unsupported}));
  EXPECT_EQ(decode_termination_msr(0xFFFFFFFFFFABF100), (Termination{0xF, 0xAB}));
}

TEST(Ghcb, VmmErrorAndFirmwareStatusStayApart) {
  EXPECT_EQ(guest_request::encode_exitinfo2(1, 0), 0x100000000U);
  EXPECT_EQ(guest_request::encode_exitinfo2(2, 0), 0x200000000U);
  EXPECT_EQ(guest_request::encode_exitinfo2(0xFFFFFFFF, 0x1D), 0xFFFFFFFF0000001DU);
  EXPECT_EQ(guest_request::decode_vmm_error(0xFFFFFFFF0000001D), 0xFFFFFFFFU);
  EXPECT_EQ(guest_request::decode_firmware_status(0xFFFFFFFF0000001D), 0x1DU);
  EXPECT_EQ(guest_request::decode_vmm_error(0x00000000FFFFFFFF), 0U);
}

TEST(GhcbPageStateChange, AnEntryHasEachFieldInItsBits) {
  using namespace page_state_change;
  EXPECT_EQ(encode_entry({.gfn = 0xFFFFFFFFFF}), 0x000FFFFFFFFFF000U);
  EXPECT_EQ(encode_entry({.cur_page = 0xFFF}), 0xFFFU);
  EXPECT_EQ(encode_entry({.operation = 0xF}), 0x00F0000000000000U);
  EXPECT_EQ(encode_entry({.pagesize = 1}), 0x0100000000000000U);
  const Entry entry{.gfn = 0x12345, .cur_page = 7, .operation = 2, .pagesize = 1};
  EXPECT_EQ(encode_entry(entry), 0x0120000012345007U);
  EXPECT_EQ(decode_entry(0x0120000012345007), entry);
}

TEST(GhcbPageStateChange, DecodingIgnoresReservedBitsAndEncodingSetsNone) {
  using namespace page_state_change;
  EXPECT_EQ(decode_entry(entry_reserved_mask), Entry{});
  EXPECT_EQ(
      encode_entry(
          {.gfn = ~std::uint64_t{0}, .cur_page = 0xFFFF, .operation = 0xFF, .pagesize = 0xFF}),
      0x01FFFFFFFFFFFFFFU);
}

TEST(GhcbCertificateTable, GuidsAreStoredInTheOrderInWhichTheyAreWritten) {
  using namespace certificate_table;
  const auto written = [](const Guid& guid) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < guid.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
      text += digits[guid[i] >> 4];
      text += digits[guid[i] & 0xF];
    }
    return text;
  };
  EXPECT_EQ(written(guid_vcek), "63da758d-e664-4564-adc5-f4b93be8accd");
  EXPECT_EQ(written(guid_vlek), "a8074bc2-a25a-483e-aae6-39c045a0b8a1");
  EXPECT_EQ(written(guid_ask), "4ab7b379-bbac-4fe4-a02f-05aef327c782");
  EXPECT_EQ(written(guid_ark), "c0b406a4-a803-4952-9743-3fb6014cd0ae");
  EXPECT_EQ(written(guid_crl), "92f81bc3-5811-4d3d-97ff-d19f88dc67ea");
}

}  // namespace
}  // namespace extreq::abi::ghcb
