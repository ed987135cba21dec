#include "machine/launch_plan.hpp"

#include <algorithm>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/byte_reader.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "machine/rom.hpp"
#include "machine/test_kernel.hpp"

namespace extreq::machine {
namespace {

namespace boot = abi::linux_boot;
namespace snp = abi::snp;
using testing::HasSubstr;

KernelImage test_kernel() {
  const auto folder = TemporaryDirectory::create("plan");
  const std::string path = folder->path() + "/vmlinuz";
  const Bytes vmlinux = test::make_vmlinux(test::snp_code());
  EXPECT_TRUE(replace_file(path, test::make_bzimage(test::gzip(vmlinux)), 0644));
  auto kernel = KernelImage::open(path);
  EXPECT_TRUE(kernel) << kernel.error().message;
  return *std::move(kernel);
}

LaunchInputs inputs(ByteView initrd) {
  LaunchInputs inputs;
  inputs.initrd = initrd;
  inputs.command_line = "console=ttyS0";
  inputs.cpu = {0x19, 0x01, 0x01};
  return inputs;
}

const LaunchRegion& region(const LaunchPlan& plan, std::string_view what) {
  for (const auto& region : plan.regions) {
    if (region.what == what) return region;
  }
  throw std::runtime_error("no region");
}

TEST(LaunchPlan, PlacesTheKernelWhereItWasLinkedAndZerosBehindIt) {
  const auto plan = plan_launch(test_kernel(), inputs({}));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(region(*plan, "vmlinux").gpa, test::kernel_physical);
  const auto& zeros = region(*plan, "vmlinux, zeros");
  EXPECT_EQ(zeros.gpa, test::kernel_physical + 0x1000);
  EXPECT_EQ(zeros.page_count, 3U);
  EXPECT_EQ(zeros.type, snp::PageType::zero);
  EXPECT_EQ(plan->entry.rip, test::kernel_physical);
  EXPECT_EQ(plan->entry.cr3 & c_bit_mask, c_bit_mask);
}

TEST(LaunchPlan, BootParamsNameInitrdCommandLineMemoryAndTheCcBlob) {
  const Bytes initrd(5000, 0x11);
  const auto plan = plan_launch(test_kernel(), inputs(initrd));
  ASSERT_TRUE(plan) << plan.error().message;
  const auto params = *ByteReader(region(*plan, "boot_params").content).object<boot::BootParams>();
  EXPECT_EQ(params.hdr.ramdisk_image, region(*plan, "initrd").gpa);
  EXPECT_EQ(params.hdr.ramdisk_size, 5000U);
  EXPECT_EQ(params.hdr.cmd_line_ptr, region(*plan, "command line").gpa);
  EXPECT_EQ(params.hdr.loadflags & boot::loadflags_kaslr, 0);
  ASSERT_EQ(params.e820_entries, 4);
  EXPECT_EQ(params.e820_table[2].type, boot::e820_reserved);
  EXPECT_EQ(params.e820_table[2].addr, region(*plan, "secrets").gpa);
  EXPECT_EQ(params.e820_table[3].addr + params.e820_table[3].size, memory_min);
  const auto data =
      *ByteReader(region(*plan, "setup_data").content).object<boot::SetupDataCcBlob>();
  EXPECT_EQ(data.head.type, boot::setup_data_cc_blob);
  EXPECT_EQ(data.cc_blob_address, region(*plan, "CC blob").gpa);
  const auto blob = *ByteReader(region(*plan, "CC blob").content).object<boot::CcBlob>();
  EXPECT_EQ(blob.secrets_phys, region(*plan, "secrets").gpa);
  EXPECT_EQ(blob.cpuid_phys, region(*plan, "CPUID").gpa);
}

TEST(LaunchPlan, NoTwoRegionsOverlap) {
  const auto plan = plan_launch(test_kernel(), inputs(Bytes(100000)));
  ASSERT_TRUE(plan);
  for (const auto& a : plan->regions) {
    for (const auto& b : plan->regions) {
      if (&a == &b) continue;
      EXPECT_TRUE(a.gpa + a.page_count * 4096 <= b.gpa || b.gpa + b.page_count * 4096 <= a.gpa)
          << a.what << " and " << b.what;
    }
  }
}

TEST(LaunchPlan, OneByteOfInitrdOrCommandLineChangesTheMeasurement) {
  const KernelImage kernel = test_kernel();
  Bytes initrd(5000, 0x11);
  const auto before = expected_measurement(*plan_launch(kernel, inputs(initrd)));
  EXPECT_EQ(before, expected_measurement(*plan_launch(kernel, inputs(initrd))));
  initrd[4999] ^= 1;
  EXPECT_NE(before, expected_measurement(*plan_launch(kernel, inputs(initrd))));
  initrd[4999] ^= 1;
  LaunchInputs other = inputs(initrd);
  other.command_line.back() ^= 1;
  EXPECT_NE(before, expected_measurement(*plan_launch(kernel, other)));
}

TEST(LaunchPlan, TheLastPageIsTheVmsaWithTheEntryState) {
  const auto plan = plan_launch(test_kernel(), inputs({}));
  ASSERT_TRUE(plan);
  const auto& last = plan->regions.back();
  EXPECT_EQ(last.type, snp::PageType::vmsa);
  EXPECT_EQ(last.gpa, snp::vmsa_gpa);
  const auto vmsa = *ByteReader(last.content).object<abi::x86::Vmsa>();
  EXPECT_EQ(vmsa.rip, plan->entry.rip);
  EXPECT_EQ(vmsa.rsi, plan->entry.rsi);
  EXPECT_EQ(vmsa.cr3, plan->entry.cr3);
}

TEST(LaunchPlan, RefusesMemoryThatIsTooSmallAndSaysWhatIsNeeded) {
  LaunchInputs small = inputs({});
  small.memory = 128U << 20U;
  EXPECT_EQ(plan_launch(test_kernel(), small).error().code, Code::invalid_input);
  const Bytes huge(memory_min - (16U << 20U) - 0x8000);
  const auto full = plan_launch(test_kernel(), inputs(huge));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::too_small);
  EXPECT_THAT(full.error().message, HasSubstr("give more memory"));
}

TEST(LaunchPlan, RefusesACommandLineThatTheKernelWouldCut) {
  LaunchInputs long_line = inputs({});
  long_line.command_line.assign(2048, 'x');
  EXPECT_EQ(plan_launch(test_kernel(), long_line).error().code, Code::invalid_input);
  long_line.command_line.assign(2047, 'x');
  EXPECT_TRUE(plan_launch(test_kernel(), long_line));
}

TEST(Rom, HasTheEntryStateAndAJumpAtTheResetVector) {
  const Bytes rom = make_rom({0x1122334455667788, 0x99, 0xAA});
  ASSERT_EQ(rom.size(), rom_size);
  EXPECT_EQ(rom[0xFFF0], 0xEA);
  const Bytes rip{0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
  EXPECT_NE(std::search(rom.begin(), rom.begin() + 0x1000, rip.begin(), rip.end()),
            rom.begin() + 0x1000);
}

}  // namespace
}  // namespace extreq::machine
