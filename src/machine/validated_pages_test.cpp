#include "machine/validated_pages.hpp"

#include <gtest/gtest.h>

#include "abi/x86_snp.hpp"

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;
constexpr std::uint64_t memory_size = 8U << 20U;

TEST(ValidatedPages, EveryPageIsValidatedAtFirstAndNotAfterTheHypervisorChangedIt) {
  ValidatedPages pages(memory_size);
  EXPECT_TRUE(pages.pvalidate(0x1000, x86::pvalidate_page_size_4k, true)->unchanged);
  pages.clear(0x1000, 1);
  EXPECT_FALSE(pages.pvalidate(0x1000, x86::pvalidate_page_size_4k, true)->unchanged);
}

TEST(ValidatedPages, ALargePageIsUnchangedOnlyIfAllOfItIs) {
  ValidatedPages pages(memory_size);
  pages.clear(0x200000 + 0x5000, 1);
  const auto first = pages.pvalidate(0x200000, x86::pvalidate_page_size_2m, true);
  EXPECT_FALSE(first->unchanged);
  EXPECT_TRUE(pages.pvalidate(0x200000, x86::pvalidate_page_size_2m, true)->unchanged);
}

TEST(ValidatedPages, AnUnalignedLargePageIsRefusedAsTheProcessorDoesIt) {
  ValidatedPages pages(memory_size);
  EXPECT_EQ(pages.pvalidate(0x1000, x86::pvalidate_page_size_2m, true)->result,
            x86::result_fail_input);
}

TEST(ValidatedPages, APageOutsideMemoryIsAnError) {
  ValidatedPages pages(memory_size);
  EXPECT_FALSE(pages.pvalidate(memory_size, x86::pvalidate_page_size_4k, true));
  EXPECT_FALSE(pages.pvalidate(memory_size - 0x1000 + 0x1000, x86::pvalidate_page_size_2m, true));
  pages.clear(memory_size - 0x1000, 1000);  // the part that is memory
  EXPECT_FALSE(pages.pvalidate(memory_size - 0x1000, x86::pvalidate_page_size_4k, true)->unchanged);
}

}  // namespace
}  // namespace extreq::machine
