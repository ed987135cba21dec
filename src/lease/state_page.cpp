#include "lease/state_page.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/random.h>

#include "base/byte_builder.hpp"
#include "base/try.hpp"

namespace extreq::lease {
namespace {

constexpr std::uint64_t odd = 1;

bool is_ours(const StatePageLayout& page) noexcept {
  return page.magic == StatePageLayout::magic_value &&
         page.version == StatePageLayout::version_value;
}

// Even, and not a value that a reader of an earlier page may have kept.
Result<std::uint64_t> fresh_generation() {
  std::uint64_t value = 0;
  if (::getrandom(&value, sizeof value, 0) != sizeof value) return fail_errno("getrandom");
  return value & ~odd;
}

}  // namespace

std::string state_page_path(const std::string& blob_path) { return blob_path + ".state"; }

StatePageMapping::~StatePageMapping() {
  if (page_ != nullptr) ::munmap(page_, StatePageLayout::size);
}

StatePageMapping::StatePageMapping(StatePageMapping&& other) noexcept
    : page_(std::exchange(other.page_, nullptr)), identity_(other.identity_) {}

StatePageMapping& StatePageMapping::operator=(StatePageMapping&& other) noexcept {
  std::swap(page_, other.page_);
  std::swap(identity_, other.identity_);
  return *this;
}

Result<StatePageMapping> StatePageMapping::map(const OpenFile& file, Access access) {
  FileStatus status;
  if (const int error_number = file_status(file.fd.get(), status); error_number != 0) {
    errno = error_number;
    return fail_errno("stat the state page");
  }
  if (status.size < StatePageLayout::size) {
    return fail(Code::too_small, "state page of {} bytes, {} wanted", status.size,
                StatePageLayout::size);
  }
  const int protection = access == Access::read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* const memory =
      ::mmap(nullptr, StatePageLayout::size, protection, MAP_SHARED, file.fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno("map the state page");
  return StatePageMapping(static_cast<StatePageLayout*>(memory), file.identity);
}

std::optional<StatePageReader> StatePageReader::open(const std::string& path) {
  auto file = open_file(path, Access::read);
  if (!file) return std::nullopt;
  auto mapping = StatePageMapping::map(*file, Access::read);
  if (!mapping || !is_ours(mapping->page())) return std::nullopt;
  return StatePageReader(*std::move(mapping));
}

Clock::TimePoint StatePageReader::writer_waiting_until() const noexcept {
  return Clock::TimePoint(Clock::Duration(mapping_.page().writer_waiting_until.load()));
}

std::optional<std::uint64_t> StatePageReader::cacheable_generation() const noexcept {
  if ((mapping_.page().flags.load() & StatePageLayout::flag_sole_writer) == 0) return std::nullopt;
  const std::uint64_t generation = mapping_.page().generation.load();
  if ((generation & odd) != 0) return std::nullopt;
  return generation;
}

Result<StatePageWriter> StatePageWriter::open(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const OpenFile file, open_file(path, Access::write));
  auto mapping = StatePageMapping::map(file, Access::write);
  if (!mapping) {
    if (mapping.error().code != Code::too_small) return tl::unexpected(mapping.error());
    return fail(Code::invalid_input, "{}: {}", path, mapping.error().message);
  }
  const StatePageLayout& page = mapping->page();
  if (page.magic != StatePageLayout::magic_value) {
    return fail(Code::invalid_input, "{}: starts with {:#x}, not with a state page's magic {:#x}",
                path, page.magic, StatePageLayout::magic_value);
  }
  if (page.version != StatePageLayout::version_value) {
    return fail(Code::unsupported,
                "{}: version {}, this program writes {}; end the other writer and remove the file",
                path, page.version, StatePageLayout::version_value);
  }
  return StatePageWriter(*std::move(mapping));
}

Result<StatePageWriter> StatePageWriter::create(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const OpenFile file, open_or_create_file(path));
  EXTREQ_TRY_ASSIGN(const std::uint64_t generation, fresh_generation());
  // Written, not only sized: a page without a block behind it would be SIGBUS on a full disk.
  ByteBuilder bytes(StatePageLayout::size);
  bytes.u64(StatePageLayout::magic_value).u32(StatePageLayout::version_value).u32(0);
  bytes.u64(generation);
  bytes.zeros(StatePageLayout::size - bytes.size());
  if (const int error_number = write_at(file.fd.get(), 0, bytes.view()); error_number != 0) {
    errno = error_number;
    return fail_errno("write {}", path);
  }
  EXTREQ_TRY_ASSIGN(StatePageMapping mapping, StatePageMapping::map(file, Access::write));
  return StatePageWriter(std::move(mapping));
}

void StatePageWriter::announce(Clock::TimePoint until) noexcept {
  mapping_.page().writer_waiting_until.store(until.time_since_epoch().count());
}

void StatePageWriter::withdraw() noexcept { mapping_.page().writer_waiting_until.store(0); }

void StatePageWriter::begin_change() noexcept {
  auto& generation = mapping_.page().generation;
  const std::uint64_t now = generation.load();
  generation.store((now & odd) != 0 ? now + 2 : now + 1);
}

void StatePageWriter::end_change(bool sole_writer) noexcept {
  auto& page = mapping_.page();
  page.flags.store(sole_writer ? StatePageLayout::flag_sole_writer : 0);
  page.generation.store((page.generation.load() | odd) + 1);
}

}  // namespace extreq::lease
