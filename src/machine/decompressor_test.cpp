#include "machine/decompressor.hpp"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/byte_builder.hpp"
#include "machine/test_kernel.hpp"

namespace extreq::machine {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t load = test::kernel_physical;
constexpr std::size_t init_size = 0x10000;  // as make_bzimage has it
constexpr std::size_t copy_length = 0x9000;
constexpr std::uint64_t relocated = load + init_size - copy_length;

// A decompressor: the file's code before and behind the payload.
struct Parts {
  Bytes head;
  Bytes body;
};

Parts good_code() {
  ByteBuilder head;
  head.zeros(0x100).bytes(Bytes{0x0F, 0x22, 0xD8});  // before the copy: left alone
  head.bytes(Bytes{0x8B, 0x9E, 0x60, 0x02, 0x00, 0x00, 0x81, 0xEB}).u32(copy_length);
  head.bytes(Bytes{0x48, 0x01, 0xEB});
  ByteBuilder body;
  body.bytes(Bytes{0x0F, 0xA2, 0x90});                    // CPUID, at 0
  body.bytes(Bytes{0x0F, 0x22, 0xDF, 0x0F, 0x20, 0xD9});  // MOV %rdi, %cr3, at 3; %cr3, %rcx
  body.bytes(Bytes{0x0F, 0x01, 0x1D, 0, 0, 0, 0});        // LIDT, at 9
  body.bytes(Bytes{0xF3, 0x0F, 0x01, 0xD9, 0x0F, 0x32});  // VMGEXIT, RDMSR, at 16
  body.bytes(Bytes{0x4C, 0x89, 0xFE, 0xFF, 0xE0});        // JMP, at 22
  return {head.take(), body.take()};
}

struct File {
  explicit File(const Parts& code) : bytes(test::make_bzimage(to_bytes("0123456789"))) {
    // The test's file has zeros before its payload, which ends it.
    auto read = read_bzimage(bytes).value();
    const auto start = static_cast<std::size_t>(read.protected_mode.data() - bytes.data());
    std::copy(code.head.begin(), code.head.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(start));
    bytes.insert(bytes.end(), code.body.begin(), code.body.end());
    image = read_bzimage(bytes).value();
    body = image.header.payload_offset + image.payload.size();
  }
  Bytes bytes;
  BzImage image;
  std::uint64_t body = 0;
};

TEST(Decompressor, IsHelpedWhereItRunsAtThatTime) {
  const File file(good_code());
  const auto found = scan_decompressor(file.image);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->load_address, load);
  EXPECT_EQ(found->relocated_address, relocated);
  EXPECT_EQ(found->jump.physical_address, relocated + file.body + 22 + 3);
  struct Wanted {
    SiteKind kind;
    std::uint64_t address;
    Register operand;
  };
  const std::vector<Wanted> wanted{
      {SiteKind::cpuid_encryption, load + file.body, Register::rax},
      {SiteKind::vmgexit_rdmsr, load + file.body + 16, Register::rax},
      {SiteKind::idt_load, relocated + file.body + 9, Register::rax},
      {SiteKind::cr3_write, relocated + file.body + 3, Register::rdi},
      {SiteKind::cr3_read, relocated + file.body + 6, Register::rcx},
  };
  EXPECT_EQ(found->sites.size(), wanted.size());
  for (const auto& one : wanted) {
    const auto at = std::find_if(found->sites.begin(), found->sites.end(), [&](const Site& site) {
      return site.physical_address == one.address;
    });
    ASSERT_NE(at, found->sites.end()) << name(one.kind);
    EXPECT_STREQ(name(at->kind), name(one.kind));
    EXPECT_EQ(at->operand, one.operand);
  }
}

TEST(Decompressor, OneThatWorksDifferentlyIsUnsupportedInWords) {
  Parts no_copy = good_code();
  no_copy.head.resize(0x100);
  EXPECT_THAT(scan_decompressor(File(no_copy).image).error().message, HasSubstr("copies itself"));
  Parts no_jump = good_code();
  no_jump.body.resize(22);
  const auto failure = scan_decompressor(File(no_jump).image);
  EXPECT_EQ(failure.error().code, Code::unsupported);
  EXPECT_THAT(failure.error().message, HasSubstr("jump"));
}

constexpr std::uint64_t start = 0xFFFFFFFF81000000;
constexpr std::uint64_t end = 0xFFFFFFFF82000000;

Bytes with_address(std::uint32_t low) { return ByteBuilder().zeros(7).u32(low).zeros(5).take(); }

TEST(VirtualMove, IsToldByTheFirstAddressThatDiffers) {
  const Bytes original = with_address(0x81000123);
  EXPECT_EQ(virtual_move(original, original, start, end), 0U);
  EXPECT_EQ(virtual_move(with_address(0x8C400123), original, start, end), 0xB400000U);
  EXPECT_EQ(virtual_move(with_address(0x81200123), original, start, end), 0x200000U);
  EXPECT_EQ(virtual_move({}, original, start, end), 0U);
}

// KASLR chooses among slots of 2 MiB: one in eight is a multiple of 16 MiB, which leaves three
// bytes of an address as they were.
TEST(VirtualMove, EverySlotOfTheKernelsRangeIsTold) {
  const std::vector<std::uint32_t> addresses = {0x81000123, 0x8182A456, 0x817F0326, 0x82345678,
                                                0x8184FFFF, 0x83829FBB, 0x81810000};
  const auto code = [&addresses](std::uint32_t move) {
    ByteBuilder builder;
    for (const std::uint32_t address : addresses) {
      builder.u8(0x48).u8(0xC7).u8(0xC0).u32(address + move).u8(0x90).u8(0x90);
    }
    return builder.take();
  };
  const Bytes original = code(0);
  for (std::uint32_t move = 0; move < 768U << 20U; move += 2U << 20U) {
    const auto found = virtual_move(code(move), original, start, 0xFFFFFFFF84000000);
    ASSERT_TRUE(found) << std::hex << move << ": " << found.error().message;
    EXPECT_EQ(*found, move) << std::hex << move;
  }
}

TEST(VirtualMove, ADifferenceThatIsNoMoveIsRefused) {
  const Bytes original = with_address(0x81000123);
  EXPECT_FALSE(virtual_move(with_address(0x81100123), original, start, end));
  EXPECT_FALSE(virtual_move(with_address(0x80E00123), original, start, end));
}

TEST(VirtualMove, WhatIsNoAddressOfTheKernelIsPassedOver) {
  Bytes original = with_address(0x81000123);
  Bytes memory = with_address(0x81600123);
  original[3] = 1;
  EXPECT_EQ(virtual_move(memory, original, start, end), 0x600000U);
}

}  // namespace
}  // namespace extreq::machine
