#include "abi/ghcb.hpp"

#include <string>

#include "abi/layout_test.hpp"

namespace extreq::abi::ghcb {
namespace {

TEST(Ghcb, PageFieldsAreWhereTheDocumentPutsThem) {
  EXPECT_EQ(sizeof(Page), 4096U);
  expect_places({
      {"cpl", place(&Page::cpl), {0x0CB, 1}},
      {"xss", place(&Page::xss), {0x140, 8}},
      {"dr7", place(&Page::dr7), {0x160, 8}},
      {"rax", place(&Page::rax), {0x1F8, 8}},
      {"rcx", place(&Page::rcx), {0x308, 8}},
      {"rdx", place(&Page::rdx), {0x310, 8}},
      {"rbx", place(&Page::rbx), {0x318, 8}},
      {"rbp", place(&Page::rbp), {0x328, 8}},
      {"rsi", place(&Page::rsi), {0x330, 8}},
      {"rdi", place(&Page::rdi), {0x338, 8}},
      {"r8", place(&Page::r8), {0x340, 8}},
      {"r9", place(&Page::r9), {0x348, 8}},
      {"r10", place(&Page::r10), {0x350, 8}},
      {"r11", place(&Page::r11), {0x358, 8}},
      {"r12", place(&Page::r12), {0x360, 8}},
      {"r13", place(&Page::r13), {0x368, 8}},
      {"r14", place(&Page::r14), {0x370, 8}},
      {"r15", place(&Page::r15), {0x378, 8}},
      {"sw_exitcode", place(&Page::sw_exitcode), {0x390, 8}},
      {"sw_exitinfo1", place(&Page::sw_exitinfo1), {0x398, 8}},
      {"sw_exitinfo2", place(&Page::sw_exitinfo2), {0x3A0, 8}},
      {"sw_scratch", place(&Page::sw_scratch), {0x3A8, 8}},
      {"xcr0", place(&Page::xcr0), {0x3E8, 8}},
      {"valid_bitmap", place(&Page::valid_bitmap), {0x3F0, 16}},
      {"x87_state_gpa", place(&Page::x87_state_gpa), {0x400, 8}},
      {"shared_buffer", place(&Page::shared_buffer), {0x800, 2032}},
      {"protocol_version", place(&Page::protocol_version), {0xFFA, 2}},
      {"usage", place(&Page::usage), {0xFFC, 4}},
  });
}

TEST(Ghcb, OffsetConstantsAreThoseOfTheDocument) {
  expect_numbers({
      {"cpl", offset::cpl, 0x0CB},
      {"xss", offset::xss, 0x140},
      {"dr7", offset::dr7, 0x160},
      {"rax", offset::rax, 0x1F8},
      {"rcx", offset::rcx, 0x308},
      {"rdx", offset::rdx, 0x310},
      {"rbx", offset::rbx, 0x318},
      {"rbp", offset::rbp, 0x328},
      {"rsi", offset::rsi, 0x330},
      {"rdi", offset::rdi, 0x338},
      {"r8", offset::r8, 0x340},
      {"r9", offset::r9, 0x348},
      {"r10", offset::r10, 0x350},
      {"r11", offset::r11, 0x358},
      {"r12", offset::r12, 0x360},
      {"r13", offset::r13, 0x368},
      {"r14", offset::r14, 0x370},
      {"r15", offset::r15, 0x378},
      {"sw_exitcode", offset::sw_exitcode, 0x390},
      {"sw_exitinfo1", offset::sw_exitinfo1, 0x398},
      {"sw_exitinfo2", offset::sw_exitinfo2, 0x3A0},
      {"sw_scratch", offset::sw_scratch, 0x3A8},
      {"xcr0", offset::xcr0, 0x3E8},
      {"valid_bitmap", offset::valid_bitmap, 0x3F0},
      {"x87_state_gpa", offset::x87_state_gpa, 0x400},
      {"shared_buffer", offset::shared_buffer, 0x800},
      {"protocol_version", offset::protocol_version, 0xFFA},
      {"usage", offset::usage, 0xFFC},
  });
}

TEST(Ghcb, ConstantsAreThoseOfTheDocument) {
  expect_numbers({
      {"page_size", page_size, 4096},
      {"page_shift", page_shift, 12},
      {"protocol_version_min", protocol_version_min, 1},
      {"protocol_version_max", protocol_version_max, 2},
      {"usage_standard", usage_standard, 0},
      {"shared_buffer_size", shared_buffer_size, 2032},
      {"valid_bitmap_size", valid_bitmap_size, 16},
      {"ap_creation::create_on_init", ap_creation::create_on_init, 0},
      {"ap_creation::create", ap_creation::create, 1},
      {"ap_creation::destroy", ap_creation::destroy, 2},
      {"answer::no_action", answer::no_action, 0},
      {"answer::issue_exception", answer::issue_exception, 1},
      {"answer::malformed_input", answer::malformed_input, 2},
      {"malformed::ghcb_not_registered", malformed::ghcb_not_registered, 1},
      {"malformed::invalid_usage", malformed::invalid_usage, 2},
      {"malformed::invalid_scratch_area", malformed::invalid_scratch_area, 3},
      {"malformed::missing_input", malformed::missing_input, 4},
      {"malformed::invalid_input", malformed::invalid_input, 5},
      {"malformed::invalid_event", malformed::invalid_event, 6},
      {"vector_ud", vector_ud, 6},
      {"vector_gp", vector_gp, 13},
      {"exception_type", exception_type, 3},
      {"termination::set_general", termination::set_general, 0},
      {"termination::general_request", termination::general_request, 0},
      {"termination::protocol_unsupported", termination::protocol_unsupported, 1},
      {"termination::snp_features_unsupported", termination::snp_features_unsupported, 2},
      {"vmm_error_none", guest_request::vmm_error_none, 0},
      {"vmm_error_invalid_len", guest_request::vmm_error_invalid_len, 1},
      {"vmm_error_busy", guest_request::vmm_error_busy, 2},
      {"vmm_error_shift", guest_request::vmm_error_shift, 32},
      {"firmware_status_mask", guest_request::firmware_status_mask, 0xFFFFFFFF},
      {"hypervisor_features::snp", hypervisor_features::snp, 1},
      {"hypervisor_features::snp_ap_creation", hypervisor_features::snp_ap_creation, 2},
      {"hypervisor_features::restricted_injection", hypervisor_features::restricted_injection, 4},
      {"hypervisor_features::restricted_injection_timer",
       hypervisor_features::restricted_injection_timer, 8},
      {"hypervisor_features::apic_id_list", hypervisor_features::apic_id_list, 16},
      {"hypervisor_features::snp_multi_vmpl", hypervisor_features::snp_multi_vmpl, 32},
  });
}

TEST(Ghcb, EventsAreThoseOfTheDocument) {
  expect_numbers({
      {"read_dr7", event::read_dr7, 0x27},
      {"write_dr7", event::write_dr7, 0x37},
      {"rdtsc", event::rdtsc, 0x6E},
      {"rdpmc", event::rdpmc, 0x6F},
      {"cpuid", event::cpuid, 0x72},
      {"invd", event::invd, 0x76},
      {"ioio", event::ioio, 0x7B},
      {"msr", event::msr, 0x7C},
      {"vmmcall", event::vmmcall, 0x81},
      {"rdtscp", event::rdtscp, 0x87},
      {"wbinvd", event::wbinvd, 0x89},
      {"monitor", event::monitor, 0x8A},
      {"mwait", event::mwait, 0x8B},
      {"mmio_read", event::mmio_read, 0x80000001},
      {"mmio_write", event::mmio_write, 0x80000002},
      {"nmi_complete", event::nmi_complete, 0x80000003},
      {"ap_reset_hold", event::ap_reset_hold, 0x80000004},
      {"ap_jump_table", event::ap_jump_table, 0x80000005},
      {"page_state_change", event::page_state_change, 0x80000010},
      {"guest_request", event::guest_request, 0x80000011},
      {"extended_guest_request", event::extended_guest_request, 0x80000012},
      {"ap_creation", event::ap_creation, 0x80000013},
      {"hv_doorbell_page", event::hv_doorbell_page, 0x80000014},
      {"hv_ipi", event::hv_ipi, 0x80000015},
      {"hv_timer", event::hv_timer, 0x80000016},
      {"apic_id_list", event::apic_id_list, 0x80000017},
      {"run_vmpl", event::run_vmpl, 0x80000018},
      {"hypervisor_features", event::hypervisor_features, 0x8000FFFD},
      {"termination_request", event::termination_request, 0x8000FFFE},
      {"unsupported_event", event::unsupported_event, 0x8000FFFF},
  });
}

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
  mark_valid(bitmap, offset::rax);
  mark_valid(bitmap, offset::rbx);
  mark_valid(bitmap, offset::sw_exitcode);
  EXPECT_TRUE(is_valid(bitmap, offset::rax));
  EXPECT_TRUE(is_valid(bitmap, offset::rbx));
  EXPECT_TRUE(is_valid(bitmap, offset::sw_exitcode));
  EXPECT_FALSE(is_valid(bitmap, offset::rcx));
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

TEST(Ghcb, ATerminationReasonHasTwoForms) {
  EXPECT_EQ(encode_termination_msr({0, 0}), 0x100U);
  EXPECT_EQ(encode_termination_msr({0, 2}), 0x20100U);
  EXPECT_EQ(encode_termination_msr({0xF, 0xAB}), 0xABF100U);
  EXPECT_EQ(decode_termination_msr(0xFFFFFFFFFFABF100), (Termination{0xF, 0xAB}));
  EXPECT_EQ(encode_termination_exitinfo1({0, 2}), 0x20U);
  EXPECT_EQ(encode_termination_exitinfo1({0xF, 0xAB}), 0xABFU);
  EXPECT_EQ(decode_termination_exitinfo1(0xFFFFFFFFFFFFFABF), (Termination{0xF, 0xAB}));
}

TEST(Ghcb, AReasonSetTooWideDoesNotSpillIntoItsNeighbours) {
  EXPECT_EQ(encode_termination_msr({0xFF, 1}), 0x1F100U);
  EXPECT_EQ(encode_termination_exitinfo1({0xFF, 1}), 0x1FU);
}

TEST(Ghcb, VmmErrorAndFirmwareStatusStayApart) {
  EXPECT_EQ(guest_request::encode_exitinfo2(1, 0), 0x100000000U);
  EXPECT_EQ(guest_request::encode_exitinfo2(2, 0), 0x200000000U);
  EXPECT_EQ(guest_request::encode_exitinfo2(0xFFFFFFFF, 0x1D), 0xFFFFFFFF0000001DU);
  EXPECT_EQ(guest_request::decode_vmm_error(0xFFFFFFFF0000001D), 0xFFFFFFFFU);
  EXPECT_EQ(guest_request::decode_firmware_status(0xFFFFFFFF0000001D), 0x1DU);
  EXPECT_EQ(guest_request::decode_vmm_error(0x00000000FFFFFFFF), 0U);
}

TEST(GhcbPageStateChange, LayoutAndNumbersAreThoseOfTheDocument) {
  using namespace page_state_change;
  expect_numbers({
      {"entry_max", entry_max, 253},
      {"operation_private", operation_private, 1},
      {"operation_shared", operation_shared, 2},
      {"operation_psmash", operation_psmash, 3},
      {"operation_unsmash", operation_unsmash, 4},
      {"pagesize_4k", pagesize_4k, 0},
      {"pagesize_2m", pagesize_2m, 1},
      {"pages_of_2m", pages_of_2m, 512},
      {"entry_reserved_mask", entry_reserved_mask, 0xFE00000000000000},
      {"error_invalid_header", error_invalid_header, 0x100000001},
      {"error_invalid_entry", error_invalid_entry, 0x100000002},
      {"sizeof Header", sizeof(Header), 8},
      {"sizeof Buffer", sizeof(Buffer), 2032},
  });
  expect_places({
      {"cur_entry", place(&Header::cur_entry), {0, 2}},
      {"end_entry", place(&Header::end_entry), {2, 2}},
      {"reserved", place(&Header::reserved), {4, 4}},
      {"header", place(&Buffer::header), {0, 8}},
      {"entries", place(&Buffer::entries), {8, 2024}},
  });
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

TEST(GhcbCertificateTable, AnEntryIs24Bytes) {
  using namespace certificate_table;
  EXPECT_EQ(sizeof(Entry), 24U);
  EXPECT_EQ(empty_table_size, 24U);
  expect_places({
      {"guid", place(&Entry::guid), {0, 16}},
      {"offset", place(&Entry::offset), {16, 4}},
      {"length", place(&Entry::length), {20, 4}},
  });
}

// 63da758d-... is stored as 63 da 75 8d: never with its first three groups swapped.
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
