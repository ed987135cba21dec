#include "host/update_transaction.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"

namespace extreq::host {
namespace {

// Somebody who changes the platform without end must not keep us here without end.
constexpr int fetch_attempts = 3;

}  // namespace

UpdateTransaction::UpdateTransaction(lease::BlobWriter& writer, firmware::Platform& platform,
                                     CertificateProvider provider, Clock& clock)
    : blobs_(writer), platform_(platform), provider_(std::move(provider)), clock_(clock) {}

Result<Bytes> UpdateTransaction::table_for(const SigningState& state) {
  if (state.mask_chip_key) {
    return fail(Code::not_found,
                "the chip's keys are masked: reports carry no signature, and no "
                "certificate fits them");
  }
  EXTREQ_TRY_ASSIGN(Bytes table, provider_(state));
  EXTREQ_TRY(check_fits(table, state));
  return table;
}

Result<UpdateReport> UpdateTransaction::run(const Plan& plan, Clock::Duration max_wait,
                                            EndingSignals* signals) {
  UpdateReport report;
  EXTREQ_TRY_ASSIGN(PlatformState before, read_platform_state(platform_));
  bool done = false;
  for (int attempt = 0; attempt < fetch_attempts && !done; ++attempt) {
    EXTREQ_TRY_ASSIGN(done, change(plan, before, max_wait, signals, report));
  }
  if (!done) {
    return fail(Code::busy,
                "the platform's state changed {} times while this update waited for the lock",
                fetch_attempts);
  }
  return report;
}

Result<bool> UpdateTransaction::change(const Plan& plan, PlatformState& before,
                                       Clock::Duration max_wait, EndingSignals* signals,
                                       UpdateReport& report) {
  EXTREQ_TRY_ASSIGN(const Change expected, plan(before));
  Prepared prepared{expected.leads_to, {}};
  if (!prepared.state.mask_chip_key) {
    EXTREQ_TRY_ASSIGN(prepared.table, table_for(prepared.state));
  }
  bool fetch = false;
  {
    EXTREQ_TRY_ASSIGN(lease::BlobGroupUpdate update, blobs_.begin(max_wait));
    const auto locked_at = clock_.now();
    report.lock_wait = update.lock_wait();
    EXTREQ_TRY_ASSIGN(before, read_platform_state(platform_));
    EXTREQ_TRY_ASSIGN(const Change planned, plan(before));
    if (planned.leads_to != prepared.state) return false;
    report.before = before.signing;
    if (signals != nullptr) EXTREQ_TRY(signals->hold());
    EXTREQ_TRY(update.tombstone());
    if (auto status = planned.command(update.lock_descriptor()); !status) {
      report.command_error = std::move(status).error();
    }
    fetch = serve(update, prepared, report);
    report.held = clock_.now() - locked_at;
  }
  if (fetch) fetch_and_serve(table_for(*report.after), max_wait, report);
  return true;
}

Result<UpdateReport> UpdateTransaction::publish_current(Clock::Duration max_wait) {
  UpdateReport report;
  EXTREQ_TRY_ASSIGN(const SigningState expected, read_signing_state(platform_));
  auto table = table_for(expected);
  const Prepared prepared{expected, table.value_or(Bytes())};
  bool fetch = false;
  {
    EXTREQ_TRY_ASSIGN(lease::BlobGroupUpdate update, blobs_.begin(max_wait));
    const auto locked_at = clock_.now();
    report.lock_wait = update.lock_wait();
    fetch = serve(update, prepared, report);
    report.before = report.after.value_or(expected);  // nothing is changed
    report.held = clock_.now() - locked_at;
  }
  if (!fetch) return report;
  const bool asked_already = report.after == expected && !table;
  fetch_and_serve(asked_already ? std::move(table) : table_for(*report.after), max_wait, report);
  return report;
}

bool UpdateTransaction::serve(lease::BlobGroupUpdate& update, const Prepared& prepared,
                              UpdateReport& report) {
  report.after.reset();
  report.no_certificates.reset();
  if (auto state = read_signing_state(platform_)) {
    report.after = *state;
  } else {
    report.no_certificates = std::move(state).error();
  }
  const bool fits = report.after == prepared.state && !prepared.table.empty();
  const ByteView table = fits ? ByteView(prepared.table) : ByteView();
  // What is right already is left alone: a restart of the service takes nothing from the guests.
  if (!fits || !update.holds(table)) {
    if (auto status = update.publish(table); !status) {
      report.no_certificates = std::move(status).error();
      return false;
    }
  }
  return report.after && !fits;
}

void UpdateTransaction::fetch_and_serve(Result<Bytes> table, Clock::Duration max_wait,
                                        UpdateReport& report) {
  for (int attempt = 1;; ++attempt) {
    if (!table) {
      report.no_certificates = std::move(table).error();
      return;
    }
    auto update = blobs_.begin(max_wait);
    if (!update) {
      report.no_certificates = std::move(update).error();
      return;
    }
    const auto locked_at = clock_.now();
    const bool changed_again = serve(*update, {*report.after, *std::move(table)}, report);
    report.held += clock_.now() - locked_at;
    if (!changed_again) return;
    if (attempt == fetch_attempts) break;
    table = table_for(*report.after);
  }
  report.no_certificates =
      Error{Code::busy, "the platform's state changed whenever its certificates had been fetched"};
}

}  // namespace extreq::host
