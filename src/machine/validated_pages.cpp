#include "machine/validated_pages.hpp"

#include <algorithm>

#include "abi/x86_snp.hpp"

namespace extreq::machine {
namespace {

namespace x86 = abi::x86;
constexpr std::uint64_t large_pages = x86::large_page_size / x86::page_size;

}  // namespace

ValidatedPages::ValidatedPages(std::uint64_t memory_size)
    : validated_(memory_size / x86::page_size, true) {}

Result<ValidatedPages::PvalidateResult> ValidatedPages::pvalidate(std::uint64_t gpa,
                                                                  std::uint32_t page_size,
                                                                  bool validate) {
  const bool large = page_size == x86::pvalidate_page_size_2m;
  const std::uint64_t count = large ? large_pages : 1;
  const std::uint64_t first = gpa / x86::page_size;
  if ((!large && page_size != x86::pvalidate_page_size_4k) || (large && first % count != 0)) {
    return PvalidateResult{x86::result_fail_input, false};
  }
  if (first >= validated_.size() || validated_.size() - first < count) {
    return fail(Code::invalid_input, "PVALIDATE of {:#x}: memory ends at {:#x}", gpa,
                validated_.size() * x86::page_size);
  }
  const auto begin = validated_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(count);
  const bool unchanged = std::all_of(begin, end, [validate](bool bit) { return bit == validate; });
  std::fill(begin, end, validate);
  return PvalidateResult{x86::result_success, unchanged};
}

void ValidatedPages::clear(std::uint64_t gpa, std::uint64_t pages) {
  const std::uint64_t first = std::min<std::uint64_t>(gpa / x86::page_size, validated_.size());
  const std::uint64_t count = std::min<std::uint64_t>(pages, validated_.size() - first);
  std::fill_n(validated_.begin() + static_cast<std::ptrdiff_t>(first), count, false);
}

}  // namespace extreq::machine
