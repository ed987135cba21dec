#include "host/blob_look.hpp"

#include "base/try.hpp"
#include "lease/blob_source.hpp"

namespace extreq::host {
namespace {

BlobFinding finding_of(Code code) noexcept {
  switch (code) {
    case Code::not_found:
      return BlobFinding::missing;
    case Code::busy:
      return BlobFinding::under_update;
    case Code::invalid_input:
    case Code::too_small:
      return BlobFinding::damaged;
    default:
      return BlobFinding::unreadable;
  }
}

}  // namespace

const char* to_text(BlobFinding finding) noexcept {
  switch (finding) {
    case BlobFinding::fits:
      return "fits";
    case BlobFinding::no_table:
      return "empty table";
    case BlobFinding::other_key:
      return "table for another key";
    case BlobFinding::damaged:
      return "damaged";
    case BlobFinding::missing:
      return "missing";
    case BlobFinding::under_update:
      return "under update";
    case BlobFinding::unreadable:
      return "unreadable";
  }
  return "unknown";
}

BlobFinding judge_table(ByteView table, const SigningState& state, std::string& why) {
  if (lease::is_empty_table(table)) {
    if (state.mask_chip_key) return BlobFinding::fits;
    why = "the table is empty: guests get a report without certificates";
    return BlobFinding::no_table;
  }
  if (auto shape = lease::check_table_shape(table); !shape) {
    why = std::move(shape).error().message;
    return BlobFinding::damaged;
  }
  if (auto fits = check_fits(table, state); !fits) {
    why = std::move(fits).error().message;
    return BlobFinding::other_key;
  }
  return BlobFinding::fits;
}

Result<BlobLook> look_at_blob(const std::string& path, firmware::Platform& platform,
                              Clock::Duration max_wait) {
  BlobLook look;
  lease::BlobSource source(path);
  auto holder = source.open_blob_holder();
  const auto table = holder ? (*holder)->acquire(max_wait) : tl::unexpected(holder.error());
  EXTREQ_TRY_ASSIGN(look.state, read_signing_state(platform));
  if (!table) {
    look.finding = finding_of(table.error().code);
    look.why = table.error().message;
    return look;
  }
  look.table.assign(table->begin(), table->end());
  look.finding = judge_table(look.table, look.state, look.why);
  return look;
}

}  // namespace extreq::host
