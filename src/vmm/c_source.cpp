// The sources of extreq/vmm.h.
#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "extreq/vmm.h"
#include "lease/blob_source.hpp"
#include "lease/socket_source.hpp"
#include "lease/table_shape.hpp"
#include "vmm/c_failure.hpp"
#include "vmm/c_objects.hpp"

namespace extreq::vmm {
namespace {

constexpr const char* forked = "this process was forked from the one that opened the source";

int give(std::shared_ptr<SourceState> state, extreq_vmm_source** source) {
  *source = std::make_unique<extreq_vmm_source>(extreq_vmm_source{std::move(state), {}}).release();
  return 0;
}

// A table that a guest may be given, or none.
Result<Bytes> checked_table(const void* table, std::size_t size) {
  if (size == 0) return Bytes();
  if (table == nullptr) return fail(Code::invalid_input, "table: NULL with {} bytes", size);
  const auto* const begin = static_cast<const std::uint8_t*>(table);
  Bytes bytes(begin, begin + size);
  if (auto shape = lease::check_table_shape(bytes); !shape) return tl::unexpected(shape.error());
  return bytes;
}

Clock::Duration duration_of(std::uint64_t nanoseconds) noexcept {
  constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return Clock::Duration(static_cast<std::int64_t>(std::min(nanoseconds, longest)));
}

}  // namespace
}  // namespace extreq::vmm

using namespace extreq;
using namespace extreq::vmm;

extern "C" {

int extreq_vmm_source_open_blob(const char* path, extreq_vmm_source** source) {
  return c_guarded([&] {
    if (path == nullptr || source == nullptr) return c_failure(-EINVAL, "open blob: NULL");
    auto state = std::make_shared<SourceState>();
    state->source = std::make_unique<lease::BlobSource>(path);
    return give(std::move(state), source);
  });
}

int extreq_vmm_source_open_socket(const char* path, extreq_vmm_source** source) {
  return c_guarded([&] {
    if (path == nullptr || source == nullptr) return c_failure(-EINVAL, "open socket: NULL");
    auto state = std::make_shared<SourceState>();
    state->source = std::make_unique<lease::SocketSource>(path);
    return give(std::move(state), source);
  });
}

int extreq_vmm_source_open_memory(const void* table, size_t size, extreq_vmm_source** source) {
  return c_guarded([&] {
    if (source == nullptr) return c_failure(-EINVAL, "open memory: NULL");
    auto bytes = checked_table(table, size);
    if (!bytes) return c_failure(bytes.error());
    auto memory = std::make_unique<lease::MemorySource>(*std::move(bytes));
    auto state = std::make_shared<SourceState>();
    state->memory = memory.get();
    state->source = std::move(memory);
    return give(std::move(state), source);
  });
}

int extreq_vmm_source_update_begin(extreq_vmm_source* source, uint64_t max_wait_ns) {
  return c_guarded([&] {
    if (source == nullptr || source->state->memory == nullptr) {
      return c_failure(-EINVAL, "update: not a source in memory");
    }
    if (!source->process.here()) return c_failure(-ECANCELED, forked);
    auto update = source->state->memory->exclusive(duration_of(max_wait_ns));
    if (!update) return c_failure(update.error());
    source->state->update.emplace(*std::move(update));
    return 0;
  });
}

int extreq_vmm_source_update_end(extreq_vmm_source* source, const void* table, size_t size) {
  return c_guarded([&] {
    if (source == nullptr) return c_failure(-EINVAL, "update: NULL");
    if (!source->process.here()) return c_failure(-ECANCELED, forked);
    if (!source->state->update) return c_failure(-EINVAL, "update: not begun");
    auto bytes = checked_table(table, size);
    if (!bytes) return c_failure(bytes.error());
    source->state->update->publish(*std::move(bytes));
    source->state->update.reset();
    return 0;
  });
}

void extreq_vmm_source_close(extreq_vmm_source* source) {
  if (source == nullptr || !source->process.here()) return;
  const std::unique_ptr<extreq_vmm_source> owned(source);
  owned->state->update.reset();  // VMs still use the state
}

}  // extern "C"
