#include "host/update_transaction.hpp"

#include <utility>

#include "base/try.hpp"

namespace extreq::host {

UpdateTransaction::UpdateTransaction(lease::BlobWriter& writer, firmware::Platform& platform,
                                     CertificateProvider provider, Clock& clock)
    : writer_(writer), platform_(platform), provider_(std::move(provider)), clock_(clock) {}

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

Result<UpdateReport> UpdateTransaction::run(const Plan& plan, const Command& command,
                                            Clock::Duration max_wait) {
  UpdateReport report;
  EXTREQ_TRY_ASSIGN(report.before, read_signing_state(platform_));
  std::optional<Prepared> prepared(Prepared{plan(report.before), {}});
  if (!prepared->state.mask_chip_key) {
    EXTREQ_TRY_ASSIGN(prepared->table, table_for(prepared->state));
  }
  EXTREQ_TRY_ASSIGN(lease::BlobUpdate update, writer_.begin(max_wait));
  const auto locked_at = clock_.now();
  report.lock_wait = update.lock_wait();
  EXTREQ_TRY(update.tombstone());
  if (auto status = command(update.lock_descriptor()); !status) {
    report.command_error = std::move(status).error();
  }
  publish(update, prepared, report);
  report.held = clock_.now() - locked_at;
  return report;
}

Result<UpdateReport> UpdateTransaction::publish_current(Clock::Duration max_wait) {
  UpdateReport report;
  EXTREQ_TRY_ASSIGN(report.before, read_signing_state(platform_));
  std::optional<Prepared> prepared;
  if (auto table = table_for(report.before)) {
    prepared = Prepared{report.before, *std::move(table)};
  }
  EXTREQ_TRY_ASSIGN(lease::BlobUpdate update, writer_.begin(max_wait));
  const auto locked_at = clock_.now();
  report.lock_wait = update.lock_wait();
  EXTREQ_TRY(update.tombstone());
  publish(update, prepared, report);
  report.held = clock_.now() - locked_at;
  return report;
}

void UpdateTransaction::publish(lease::BlobUpdate& update, const std::optional<Prepared>& prepared,
                                UpdateReport& report) {
  const auto state = read_signing_state(platform_);
  if (!state) {
    report.no_certificates = state.error();
    return;
  }
  report.after = *state;
  Result<Bytes> table = prepared && prepared->state == *state && !prepared->table.empty()
                            ? Result<Bytes>(prepared->table)
                            : table_for(*state);
  if (!table) {
    report.no_certificates = std::move(table).error();
    // The state is known and has no certificates: the empty table is the answer, not a stopgap.
    if (auto status = update.publish({}); !status) report.no_certificates = status.error();
    return;
  }
  if (auto status = update.publish(*table); !status) {
    report.no_certificates = std::move(status).error();
  }
}

}  // namespace extreq::host
