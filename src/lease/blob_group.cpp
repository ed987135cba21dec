#include "lease/blob_group.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::lease {
namespace {

// How long one blob's leases are waited for while other blobs' locks are held: longer than the
// firmware needs to sign, shorter than a guest would notice.
constexpr Clock::Duration waiting_with_locks = std::chrono::milliseconds(20);

}  // namespace

bool BlobGroupUpdate::holds(ByteView table) const {
  return std::ranges::all_of(updates_, [table](const BlobUpdate& update) {
    const auto content = update.content();
    return content && std::ranges::equal(*content, table);
  });
}

Status BlobGroupUpdate::tombstone() {
  std::vector<Bytes> before;
  for (BlobUpdate& update : updates_) {
    before.push_back(update.content().value_or(Bytes()));
    if (auto status = update.tombstone(); !status) {
      // What cannot be written back stays the empty table.
      for (std::size_t i = 0; i + 1 < before.size(); ++i) {
        static_cast<void>(updates_[i].publish(before[i]));
      }
      return status;
    }
  }
  return {};
}

Status BlobGroupUpdate::publish(ByteView table) {
  Status first_failure;
  for (BlobUpdate& update : updates_) {
    auto status = update.publish(table);
    if (!status && first_failure) first_failure = std::move(status);
  }
  return first_failure;
}

Result<BlobGroupUpdate> BlobGroup::begin(Clock::Duration max_wait) {
  BoundedWait wait(first_.clock(), max_wait);
  std::vector<LockHolder> holders;
  for (;;) {
    BlobWriter* blocked = nullptr;
    {
      EXTREQ_TRY_ASSIGN(BlobUpdate first, first_.begin(wait.remaining()));
      if (holders.empty()) holders = first.lock_wait().holders;
      BlobGroupUpdate update(std::move(first));
      EXTREQ_TRY_ASSIGN(blocked, lock_vms(update, wait));
      if (blocked == nullptr) {
        update.wait_ = {wait.elapsed(), std::move(holders)};
        return update;
      }
    }
    // Without any other lock; then all anew.
    const auto alone = blocked->begin(wait.remaining());
    if (alone) {
      if (holders.empty()) holders = alone->lock_wait().holders;
    } else if (alone.error().code != Code::not_found) {
      return tl::unexpected(alone.error());
    }
  }
}

// The writer of the blob whose lock is worth a longer wait; nullptr: all are locked.
Result<BlobWriter*> BlobGroup::lock_vms(BlobGroupUpdate& update, BoundedWait& wait) {
  EXTREQ_TRY_ASSIGN(const auto paths, find_vm_blobs(first_.path()));
  std::erase_if(vms_,
                [&paths](const auto& vm) { return !std::ranges::binary_search(paths, vm.first); });
  for (const std::string& path : paths) {
    BlobWriter& writer = writer_of(path);
    const bool last = wait.remaining() <= waiting_with_locks;
    auto vm = writer.begin(last ? wait.remaining() : waiting_with_locks);
    if (vm) {
      update.updates_.push_back(*std::move(vm));
    } else if (vm.error().code == Code::busy && !last) {
      return &writer;
    } else if (vm.error().code != Code::not_found) {  // its VM has gone
      return tl::unexpected(std::move(vm).error());
    }
  }
  return nullptr;
}

BlobWriter& BlobGroup::writer_of(const std::string& path) {
  BlobWriterOptions options = first_.options();
  options.create = false;
  return vms_.try_emplace(path, path, options).first->second;
}

}  // namespace extreq::lease
