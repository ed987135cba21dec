// The state page: one page beside the certificate blob, at its path with ".state" behind, that
// extreq's writers and readers map. It makes readers polite and, where it may, quick; without it
// the lock is as true as with it. doc/lock.md, "The state page".
//
// What it cannot do: a page that somebody cuts short ends in SIGBUS for who has it mapped. Only
// root and the writers' user can write to it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "lease/blob_file.hpp"

namespace extreq::lease {

struct StatePageLayout {  // offset   native integers: both ends run on one machine
  static constexpr std::uint64_t magic_value = 0x5453514552545845;  // "EXTREQST"
  static constexpr std::uint32_t version_value = 1;
  static constexpr std::uint32_t flag_sole_writer = 1U << 0;
  static constexpr std::size_t size = 4096;  // the file's; the rest is zero

  std::uint64_t magic;                             //   0x00
  std::uint32_t version;                           //   0x08
  std::atomic<std::uint32_t> flags;                //   0x0C
  std::atomic<std::uint64_t> generation;           //   0x10   odd: the blob is being changed
  std::atomic<std::int64_t> writer_waiting_until;  //   0x18   CLOCK_MONOTONIC, nanoseconds
};
static_assert(sizeof(StatePageLayout) == 0x20);
static_assert(offsetof(StatePageLayout, version) == 0x08 &&
              offsetof(StatePageLayout, flags) == 0x0C &&
              offsetof(StatePageLayout, generation) == 0x10 &&
              offsetof(StatePageLayout, writer_waiting_until) == 0x18);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);

[[nodiscard]] std::string state_page_path(const std::string& blob_path);

// A shared mapping of a state page's file. Moves only.
class StatePageMapping {
 public:
  ~StatePageMapping();
  StatePageMapping(const StatePageMapping&) = delete;
  StatePageMapping& operator=(const StatePageMapping&) = delete;
  StatePageMapping(StatePageMapping&& other) noexcept;
  StatePageMapping& operator=(StatePageMapping&& other) noexcept;

  // Failure: io; too_small if the file is shorter than the page.
  [[nodiscard]] static Result<StatePageMapping> map(const OpenFile& file, Access access);

  [[nodiscard]] StatePageLayout& page() const noexcept { return *page_; }
  [[nodiscard]] const FileIdentity& identity() const noexcept { return identity_; }

 private:
  StatePageMapping(StatePageLayout* page, FileIdentity identity) noexcept
      : page_(page), identity_(identity) {}

  StatePageLayout* page_;
  FileIdentity identity_;
};

// What a reader takes from the page. The mapping cannot be written through.
// Threading: the page changes at any moment; each call reads it once.
class StatePageReader {
 public:
  // Nothing if there is no page, or none of this version: then do without.
  [[nodiscard]] static std::optional<StatePageReader> open(const std::string& path);

  // Readers stay back until then (never longer than they want to wait).
  [[nodiscard]] Clock::TimePoint writer_waiting_until() const noexcept;

  // The number under which a copy of the table may be kept and used again; nothing if none may:
  // a writer is at work or died at it, or not every writer keeps this page. Ask only while holding
  // the shared lock.
  [[nodiscard]] std::optional<std::uint64_t> cacheable_generation() const noexcept;

  [[nodiscard]] const FileIdentity& identity() const noexcept { return mapping_.identity(); }

 private:
  explicit StatePageReader(StatePageMapping mapping) noexcept : mapping_(std::move(mapping)) {}
  StatePageMapping mapping_;
};

// What a writer does to the page.
// Threading: announce() at any time; the others only under the blob's exclusive lock.
class StatePageWriter {
 public:
  // Failure: not_found; io; invalid_input for a page that is not whole (create() repairs it);
  // unsupported for the page of another version, whose readers this writer could not warn.
  [[nodiscard]] static Result<StatePageWriter> open(const std::string& path);

  // Makes the page, or makes it anew in place, with a generation that nobody has seen. Call it
  // under the blob's exclusive lock only.
  [[nodiscard]] static Result<StatePageWriter> create(const std::string& path);

  // Asks readers to stay back until `until`; a writer who waits asks again and again, so that a
  // dead one is forgotten soon.
  void announce(Clock::TimePoint until) noexcept;
  void withdraw() noexcept;

  // From before the first byte of the blob changes until after the last.
  void begin_change() noexcept;
  void end_change(bool sole_writer) noexcept;

  [[nodiscard]] const FileIdentity& identity() const noexcept { return mapping_.identity(); }

 private:
  explicit StatePageWriter(StatePageMapping mapping) noexcept : mapping_(std::move(mapping)) {}
  StatePageMapping mapping_;
};

}  // namespace extreq::lease
