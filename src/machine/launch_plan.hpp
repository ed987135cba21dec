// LaunchPlan: what is placed in a guest's private memory before it runs, in the order in which the
// firmware measures it.
//
// The launch and `extreq measure` walk the same plan, so the expected measurement is computed by
// the same formula over the same pages.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "crypto/hash.hpp"
#include "firmware/platform.hpp"
#include "machine/decompressor.hpp"
#include "machine/entry_state.hpp"
#include "machine/kernel_image.hpp"

namespace extreq::machine {

// The C-bit: the highest physical address bit that the emulator has.
inline constexpr unsigned c_bit = 39;
inline constexpr std::uint64_t c_bit_mask = std::uint64_t{1} << c_bit;

inline constexpr std::uint64_t memory_min = 256ULL << 20U;
inline constexpr std::uint64_t memory_max = 3072ULL << 20U;  // below the PC's hole for devices

// Consecutive pages of one type. Secrets, CPUID and VMSA regions are one page.
struct LaunchRegion {
  std::uint64_t gpa = 0;
  abi::snp::PageType type = abi::snp::PageType::normal;
  std::size_t page_count = 0;
  Bytes content;          // page_count pages; empty for zero and secrets pages
  const char* what = "";  // "vmlinux", "command line", ...: for people
};

struct LaunchPlan {
  std::vector<LaunchRegion> regions;
  EntryState entry;
  std::uint64_t memory = 0;                       // bytes that the guest has
  std::optional<DecompressorSites> decompressor;  // if the kernel comes through it

  [[nodiscard]] std::size_t page_count() const noexcept;

  using PageView = std::span<const std::uint8_t, abi::snp::page_size>;
  using EachPage = std::function<Status(abi::snp::PageType, std::uint64_t gpa, PageView contents)>;
  // Every page in the order of the launch; zeros for pages without content. Ends with the first
  // failure, and gives it.
  [[nodiscard]] Status for_each_page(const EachPage& each) const;
};

struct LaunchInputs {
  ByteView initrd;
  std::string command_line;
  std::uint64_t memory = memory_min;  // bytes
  firmware::CpuSignature cpu;         // what the CPUID page tells the guest
  bool through_decompressor = false;  // load the kernel file's own decompressor, not its vmlinux
};

// Places vmlinux or decompressor, initrd, boot_params, command line, page tables, the CC blob and
// the special pages. Failure: invalid_input (memory not a multiple of 2 MiB or out of bounds,
// command line longer than the kernel takes), too_small (the memory does not hold kernel and
// initrd), or as scan_decompressor().
[[nodiscard]] Result<LaunchPlan> plan_launch(const KernelImage& kernel, const LaunchInputs& inputs);

// The MEASUREMENT that the firmware will report for a guest launched by this plan.
[[nodiscard]] crypto::Sha384Digest expected_measurement(const LaunchPlan& plan);

}  // namespace extreq::machine
