#include "machine/kernel_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "machine/test_kernel.hpp"

namespace extreq::machine {
namespace {

using test::kernel_physical;
using test::kernel_virtual;
using testing::HasSubstr;

TEST(BzImage, GivesVersionPayloadAndHeader) {
  const Bytes payload = to_bytes("payload");
  const Bytes file = test::make_bzimage(payload);
  const auto image = read_bzimage(file);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->version, "6.1.0-test (someone) #1");
  EXPECT_EQ(Bytes(image->payload.begin(), image->payload.end()), payload);
  EXPECT_EQ(image->header.pref_address, kernel_physical);
}

TEST(BzImage, EveryCutIsRefused) {
  const Bytes file = test::make_bzimage(to_bytes("payload"));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(read_bzimage(ByteView(file).first(size))) << size;
  }
}

TEST(BzImage, AnotherFileIsRefusedWithWhatWasFound) {
  const auto image = read_bzimage(Bytes(4096, 0x55));
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, HasSubstr("not a bzImage: boot flag 0x5555"));
}

TEST(BzImage, AnOldBootProtocolIsUnsupported) {
  Bytes file = test::make_bzimage(to_bytes("payload"));
  file[0x206] = 0x0B;
  const auto image = read_bzimage(file);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Code::unsupported);
  EXPECT_THAT(image.error().message, HasSubstr("2.11"));
}

TEST(ElfImage, TranslatesVirtualAddressesInsideSegmentsOnly) {
  const Bytes file = test::make_vmlinux(test::snp_code());
  const auto image = read_elf(file);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->physical(kernel_virtual + 5), kernel_physical + 5);
  EXPECT_EQ(image->physical(kernel_virtual - 1), std::nullopt);
  EXPECT_EQ(image->physical(kernel_virtual + 0x100000), std::nullopt);
}

TEST(ElfImage, EveryDamagedByteOfTheHeadersEitherParsesOrFailsButNeverReadsOutside) {
  const Bytes good = test::make_vmlinux(test::snp_code());
  for (std::size_t at = 0; at < 184; ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      Bytes bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] ^ flip);
      const auto image = read_elf(bad);
      if (image) static_cast<void>(scan_sites(*image));
    }
  }
}

TEST(SiteTable, FindsEachKindWithItsLengthAndBothAddresses) {
  const Bytes file = test::make_vmlinux(test::snp_code());
  const auto image = read_elf(file);
  ASSERT_TRUE(image);
  const auto table = scan_sites(*image);
  ASSERT_TRUE(table) << table.error().message;
  struct Wanted {
    std::uint64_t at;
    SiteKind kind;
    std::uint8_t length;
  };
  const std::vector<Wanted> wanted{
      {23, SiteKind::cpuid_encryption, 2}, {37, SiteKind::rdmsr_sev_status, 2},
      {48, SiteKind::pvalidate, 4},        {52, SiteKind::rmpadjust, 4},
      {56, SiteKind::vmgexit, 4},          {71, SiteKind::vmgexit_rdmsr, 6},
      {87, SiteKind::rdmsr_ghcb, 2},
  };
  ASSERT_EQ(table->sites.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(table->sites[i].virtual_address, kernel_virtual + wanted[i].at);
    EXPECT_EQ(table->sites[i].physical_address, kernel_physical + wanted[i].at);
    EXPECT_STREQ(name(table->sites[i].kind), name(wanted[i].kind));
    EXPECT_EQ(table->sites[i].length, wanted[i].length);
  }
  EXPECT_TRUE(check_sites(*table));
}

TEST(SiteTable, AKernelWithoutSnpIsRefusedWithTheInstructionThatIsMissing) {
  const Bytes file = test::make_vmlinux(Bytes(256, 0x90));
  const auto table = scan_sites(*read_elf(file));
  ASSERT_TRUE(table);
  const auto good = check_sites(*table);
  ASSERT_FALSE(good);
  EXPECT_EQ(good.error().code, Code::unsupported);
  EXPECT_THAT(good.error().message, HasSubstr("RDMSR SEV_STATUS found 0 times"));
}

TEST(SiteTable, TwoReadsOfSevStatusAreRefused) {
  Bytes code = test::snp_code();
  const Bytes again = test::snp_code();
  code.insert(code.end(), again.begin(), again.end());
  const Bytes file = test::make_vmlinux(code);
  const auto good = check_sites(*scan_sites(*read_elf(file)));
  ASSERT_FALSE(good);
  EXPECT_THAT(good.error().message, HasSubstr("found 2 times, wanted 1 to 1"));
}

TEST(KernelImage, OpensAFileAndKeepsItsViewsWhenMoved) {
  const auto folder = TemporaryDirectory::create("kernel");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/vmlinuz";
  const Bytes vmlinux = test::make_vmlinux(test::snp_code());
  ASSERT_TRUE(replace_file(path, test::make_bzimage(test::gzip(vmlinux)), 0644));
  auto opened = KernelImage::open(path);
  ASSERT_TRUE(opened) << opened.error().message;
  const KernelImage image = *std::move(opened);
  EXPECT_EQ(image.release(), "6.1.0-test");
  EXPECT_EQ(image.compression(), Compression::gzip);
  EXPECT_EQ(image.sites().sites.size(), 7U);
  const ByteView code = image.vmlinux().code.at(0).content;
  EXPECT_EQ(Bytes(code.begin(), code.end()), test::snp_code());
}

TEST(KernelImage, AFailureNamesTheFile) {
  const auto folder = TemporaryDirectory::create("kernel");
  const std::string path = folder->path() + "/vmlinuz";
  ASSERT_TRUE(replace_file(path, test::make_bzimage(to_bytes("no compression")), 0644));
  const auto image = KernelImage::open(path);
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().message, HasSubstr(path));
}

}  // namespace
}  // namespace extreq::machine
