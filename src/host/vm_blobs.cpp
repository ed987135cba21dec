#include "host/vm_blobs.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"
#include "host/blob_look.hpp"
#include "lease/blob_source.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::host {
namespace {

// A reader's wait for the exclusive lock's holder: the pass comes again soon anyhow.
constexpr Clock::Duration vm_glance = std::chrono::milliseconds(100);

Status about_vm(const std::string& path, const Error& error) {
  return fail(error.code, "the blob of the VM {}: {}", lease::vm_name(path), error.message);
}

bool is_served(BlobFinding finding, ByteView found, ByteView wanted) {
  return finding == BlobFinding::fits && (wanted.empty() || std::ranges::equal(found, wanted));
}

}  // namespace

void VmBlobs::withdraw(Clock::Duration lock_wait, VmBlobsReport& report) {
  tend_all({}, lock_wait, report);
}

void VmBlobs::follow(Clock::Duration lock_wait, VmBlobsReport& report) {
  lease::BlobSource source(first_.path());
  const auto holder = source.open_holder();
  const auto table = holder ? (*holder)->acquire(vm_glance) : tl::unexpected(holder.error());
  const auto state = read_signing_state(platform_);
  std::string why;
  const bool true_now = table && state && judge_table(*table, *state, why) == BlobFinding::fits;
  tend_all(true_now ? *table : ByteView(), lock_wait, report);
}

void VmBlobs::tend_all(ByteView table, Clock::Duration lock_wait, VmBlobsReport& report) {
  report.count = 0;
  report.problem.reset();
  const auto paths = lease::find_vm_blobs(first_.path());
  if (!paths) {
    report.problem = paths.error();
    return;
  }
  report.count = paths->size();
  std::erase_if(writers_, [&paths](const auto& writer) {
    return !std::ranges::binary_search(*paths, writer.first);
  });
  const lease::BoundedWait wait(first_.clock(), lock_wait);
  for (const std::string& path : *paths) {
    auto status = tend(path, table, wait.remaining(), report);
    if (!status && !report.problem) report.problem = about_vm(path, status.error()).error();
  }
}

Status VmBlobs::tend(const std::string& path, ByteView table, Clock::Duration lock_wait,
                     VmBlobsReport& report) {
  EXTREQ_TRY_ASSIGN(const BlobLook look, look_at_blob(path, platform_, vm_glance));
  if (is_served(look.finding, look.table, table)) return {};
  switch (look.finding) {
    case BlobFinding::missing:  // its VM has gone
      return {};
    case BlobFinding::under_update:
      return fail(Code::busy, "{}", look.why);
    case BlobFinding::unreadable:
      return fail(Code::io, "{}", look.why);
    case BlobFinding::no_table:
      if (table.empty()) return fail(Code::not_found, "{}", look.why);
      break;
    default:
      break;
  }
  auto update = writer_of(path).begin(lock_wait);
  if (update) return mend(*update, table, report);
  if (update.error().code == Code::not_found) return {};
  return tl::unexpected(std::move(update).error());
}

Status VmBlobs::mend(lease::BlobUpdate& update, ByteView table, VmBlobsReport& report) {
  EXTREQ_TRY_ASSIGN(const SigningState state, read_signing_state(platform_));
  std::string why;
  auto content = update.content();
  const auto before = content ? judge_table(*content, state, why) : BlobFinding::damaged;
  if (content && is_served(before, *content, table)) return {};
  if (before == BlobFinding::other_key || before == BlobFinding::damaged) {
    EXTREQ_TRY(update.publish({}));
    ++report.withdrawn;
  }
  if (table.empty()) return {};
  if (auto status = update.publish(table); !status) {
    // The file is the empty table now. What was right before takes no more room than it had.
    if (before == BlobFinding::fits) static_cast<void>(update.publish(*content));
    return status;
  }
  ++report.published;
  return {};
}

lease::BlobWriter& VmBlobs::writer_of(const std::string& path) {
  lease::BlobWriterOptions options = first_.options();
  options.create = false;
  return writers_.try_emplace(path, path, options).first->second;
}

}  // namespace extreq::host
