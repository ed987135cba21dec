#include "host/publisher.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"

namespace extreq::host {
namespace {

// Somebody who changes the platform without end must not keep us here without end.
constexpr int attempts = 3;

// A reader's wait for the exclusive lock's holder: the pass comes again soon anyhow.
constexpr Clock::Duration glance_wait = std::chrono::milliseconds(100);

BlobFinding judge_content(const lease::BlobUpdate& update, const SigningState& state, Bytes& table,
                          std::string& why) {
  auto content = update.content();
  if (!content) {
    why = std::move(content).error().message;
    return BlobFinding::damaged;
  }
  table = *std::move(content);
  return judge_table(table, state, why);
}

}  // namespace

Publisher::Publisher(lease::BlobWriter& writer, firmware::Platform& platform,
                     CertificateProvider provider)
    : writer_(writer),
      platform_(platform),
      provider_(std::move(provider)),
      vms_(writer, platform) {}

Result<PassReport> Publisher::pass(Clock::Duration lock_wait, Renew renew) {
  PassReport report;
  bool settled = false;
  for (int attempt = 0; attempt < attempts && !settled; ++attempt) {
    EXTREQ_TRY_ASSIGN(settled, mend(report, lock_wait, renew));
  }
  if (!settled) {
    report.problem = Error{
        Code::busy, "the platform's state changed whenever its certificates had been fetched"};
  }
  vms_.follow(lock_wait, report.vms);
  return report;
}

// False: the state changed on the way, and everything begins anew.
Result<bool> Publisher::mend(PassReport& report, Clock::Duration lock_wait, Renew renew) {
  EXTREQ_TRY_ASSIGN(BlobLook look, look_at_blob(writer_.path(), platform_, glance_wait));
  report.state = look.state;
  if (!report.withdrawn) {
    report.found = look.finding;
    report.found_why = look.why;
  }
  report.table = std::move(look.table);
  const bool fits = look.finding == BlobFinding::fits;
  if (fits && (renew == Renew::if_needed || look.state.mask_chip_key)) return true;
  if (look.finding == BlobFinding::under_update || look.finding == BlobFinding::unreadable) {
    const bool update = look.finding == BlobFinding::under_update;
    report.problem = Error{update ? Code::busy : Code::io, std::move(look.why)};
    return true;
  }
  if (!fits && look.finding != BlobFinding::no_table) {
    if (auto status = withdraw(report, lock_wait); !status) {
      report.problem = std::move(status).error();
      return true;
    }
    const bool as_found = report.withdrawn || look.finding == BlobFinding::missing;
    if (report.state != look.state || !as_found) return false;
    if (look.state.mask_chip_key) return true;
  }
  vms_.withdraw(lock_wait, report.vms);  // the provider may take long
  auto table = table_for(look.state);
  if (!table) {
    (fits ? report.warning : report.problem) = std::move(table).error();
    return true;
  }
  if (*table == report.table) return true;
  auto done = publish(*table, report, lock_wait);
  if (done) return *done;
  (fits && !report.withdrawn ? report.warning : report.problem) = std::move(done).error();
  return true;
}

Result<Bytes> Publisher::table_for(const SigningState& state) {
  EXTREQ_TRY_ASSIGN(Bytes table, provider_(state));
  EXTREQ_TRY(check_fits(table, state));
  return table;
}

// The empty table in place of what does not fit. What fits under the lock, by somebody else's hand,
// is left alone.
Status Publisher::withdraw(PassReport& report, Clock::Duration lock_wait) {
  EXTREQ_TRY_ASSIGN(lease::BlobUpdate update, writer_.begin(lock_wait));
  report.lock_wait = std::max(report.lock_wait, update.lock_wait().waited);
  EXTREQ_TRY_ASSIGN(report.state, read_signing_state(platform_));
  std::string why;
  const auto finding = judge_content(update, report.state, report.table, why);
  if (finding == BlobFinding::fits || finding == BlobFinding::no_table) return {};
  EXTREQ_TRY(update.publish({}));
  report.table.clear();
  report.withdrawn = true;
  return {};
}

// False: the state is not the one that `table` is for.
Result<bool> Publisher::publish(ByteView table, PassReport& report, Clock::Duration lock_wait) {
  EXTREQ_TRY_ASSIGN(lease::BlobUpdate update, writer_.begin(lock_wait));
  report.lock_wait = std::max(report.lock_wait, update.lock_wait().waited);
  EXTREQ_TRY_ASSIGN(const SigningState now, read_signing_state(platform_));
  if (now != report.state) return false;
  std::string why;
  const auto before = judge_content(update, now, report.table, why);
  if (auto status = update.publish(table); !status) {
    // The file is the empty table now. What was right before takes no more room than it had.
    const bool restored = before == BlobFinding::fits && update.publish(report.table);
    if (!restored) report.table.clear();
    report.withdrawn = report.withdrawn || (before != BlobFinding::no_table && !restored);
    return tl::unexpected(std::move(status).error());
  }
  report.table.assign(table.begin(), table.end());
  report.published = true;
  report.problem.reset();
  return true;
}

}  // namespace extreq::host
