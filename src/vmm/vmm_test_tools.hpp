// What the tests of this folder share: a guest's memory with holes, sources that fail, and the two
// forms of the exit.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "base/byte_builder.hpp"
#include "lease/certificate_source.hpp"
#include "vmm/guest_memory_writer.hpp"

namespace extreq::vmm::test {

inline constexpr std::uint64_t page = abi::ghcb::page_size;
inline constexpr std::uint8_t untouched = 0xCC;

// A whole table of `size` bytes, all of its data `fill`.
inline Bytes table_of(std::size_t size, std::uint8_t fill = 0x5A) {
  using abi::ghcb::certificate_table::Entry;
  Entry leaf;
  leaf.guid = abi::ghcb::certificate_table::guid_vcek;
  leaf.offset = 2 * sizeof(Entry);
  leaf.length = static_cast<std::uint32_t>(size - 2 * sizeof(Entry));
  ByteBuilder builder;
  builder.object(leaf).zeros(sizeof(Entry)).bytes(Bytes(leaf.length, fill));
  return builder.take();
}

// Eight pages from `base` on; what lies outside, and each page marked as a hole, cannot be written.
// A write that reaches a hole is done up to there. It does not allocate unless it fails.
class GuestPages final : public GuestMemoryWriter {
 public:
  static constexpr std::uint64_t base = 0x10000;
  static constexpr std::size_t count = 8;

  GuestPages() { bytes_.fill(untouched); }

  void make_hole(std::size_t number) { holes_.at(number) = true; }

  [[nodiscard]] Status write(std::uint64_t gpa, ByteView bytes) override {
    ++writes;
    while (!bytes.empty()) {
      const std::uint64_t at = gpa - base;  // wraps to far outside for what lies below
      if (gpa < base || at >= bytes_.size() || holes_.at(at / page)) {
        return fail(Code::io, "guest memory: nothing at {:#x}", gpa);
      }
      const ByteView part = bytes.first(std::min<std::size_t>(bytes.size(), page - at % page));
      std::copy(part.begin(), part.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
      gpa += part.size();
      bytes = bytes.subspan(part.size());
    }
    return {};
  }

  [[nodiscard]] Bytes at(std::uint64_t gpa, std::size_t size) const {
    const auto* from = bytes_.data() + (gpa - base);
    return {from, from + size};
  }
  [[nodiscard]] bool is_untouched() const {
    return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == untouched; });
  }

  int writes = 0;

 private:
  std::array<std::uint8_t, count * page> bytes_{};
  std::array<bool, count> holes_{};
};

// A source that always fails in one way.
class FailingSource final : public lease::CertificateSource {
 public:
  explicit FailingSource(Code code) : code_(code) {}
  [[nodiscard]] Result<std::unique_ptr<lease::Holder>> open_holder() override {
    return std::make_unique<FailingHolder>(code_);
  }

 private:
  class FailingHolder final : public lease::Holder {
   public:
    explicit FailingHolder(Code code) : code_(code) {}
    [[nodiscard]] Result<ByteView> acquire(Clock::Duration) override {
      return fail(code_, "no certificates today");
    }
    void release() noexcept override {}
    [[nodiscard]] bool held() const noexcept override { return false; }

   private:
    Code code_;
  };
  Code code_;
};

// A word of the run area, to which a test's other thread may be writing.
template <class Word>
Word load(const Word& word) {
  return __atomic_load_n(&word, __ATOMIC_RELAXED);
}

// An exit in the form that Linux merged. Everything else of the run area is `untouched`.
struct MergedForm {
  static constexpr std::uint64_t ok = 0;
  static constexpr std::uint64_t too_small = ENOSPC;
  static constexpr std::uint64_t busy = EAGAIN;

  static void exit(abi::kvm::Run& run, std::uint64_t gpa, std::uint64_t npages) {
    run.exit_reason = abi::kvm::exit_snp_req_certs;
    run.exit.snp_req_certs = {.gpa = gpa, .npages = npages, .ret = 77};
  }
  static std::uint64_t ret(const abi::kvm::Run& run) { return load(run.exit.snp_req_certs.ret); }
  static std::uint64_t npages(const abi::kvm::Run& run) {
    return load(run.exit.snp_req_certs.npages);
  }
};

// The form that the review asked for: raw VMM errors.
struct ReviewForm {
  static constexpr std::uint64_t ok = 0;
  static constexpr std::uint64_t too_small = 1;
  static constexpr std::uint64_t busy = 2;

  static void exit(abi::kvm::Run& run, std::uint64_t gpa, std::uint64_t npages) {
    run.exit_reason = abi::vmgexit::exit_vmgexit;
    run.exit.vmgexit.exit_code = abi::ghcb::event::extended_guest_request;
    run.exit.vmgexit.req_certs = {.data_gpa = gpa, .data_npages = npages, .ret = 77};
  }
  static std::uint64_t ret(const abi::kvm::Run& run) {
    return load(run.exit.vmgexit.req_certs.ret);
  }
  static std::uint64_t npages(const abi::kvm::Run& run) {
    return load(run.exit.vmgexit.req_certs.data_npages);
  }
};

}  // namespace extreq::vmm::test
