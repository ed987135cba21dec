#include "cli/attestation_demo.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "attestation/endorsement.hpp"
#include "base/clock.hpp"
#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "crypto/random.hpp"

namespace extreq::cli {
namespace {

constexpr auto exchange_step_time = std::chrono::seconds(120);
constexpr std::size_t file_limit = std::size_t{1} << 20U;
constexpr std::size_t report_data_size = 64;
constexpr const char* report_path = "/tmp/report";
constexpr const char* table_path = "/tmp/certificates";
constexpr const char* root_path = "/root/ark.der";

// What a guest's command has said, without the checks that nobody asked for.
void print_output(const std::string& output) {
  constexpr std::string_view not_asked = "nothing asked";
  unsigned left_out = 0;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = std::min(output.find('\n', at), output.size());
    const auto line = std::string_view(output).substr(at, end - at);
    at = end + 1;
    if (line.ends_with(not_asked)) {
      ++left_out;
    } else {
      fmt::print("           | {}\n", line);
    }
  }
  if (left_out != 0) fmt::print("           | ({} checks more: nothing asked)\n", left_out);
}

}  // namespace

double AttestationDemo::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

void AttestationDemo::say(const std::string& line) const {
  if (!json_) fmt::print("[{:6.2f} s] {}\n", seconds(), line);
}

Result<int> AttestationDemo::guest_command(machine::GuestControl& control, const char* what,
                                           const std::vector<std::string>& command) {
  say(what);
  std::string shown;
  for (const auto& word : command) shown += (shown.empty() ? "" : " ") + word;
  if (!json_) fmt::print("           guest$ {}\n", shown);
  std::string output;
  const auto start = trace_ != nullptr ? trace_->now() : Clock::TimePoint();
  EXTREQ_TRY_ASSIGN(const int status, control.run(
                                          command,
                                          [&output](machine::GuestControl::Stream /*stream*/,
                                                    std::string_view text) { output.append(text); },
                                          exchange_step_time));
  if (trace_ != nullptr) trace_->span("guest: commands", shown, start);
  if (!json_) print_output(output);
  return status;
}

Result<int> AttestationDemo::run(machine::GuestControl& control) {
  ready_at_ = seconds();
  say(fmt::format("Linux {} runs and believes that it is an SNP guest", image_.kernel.release()));
  std::array<std::uint8_t, report_data_size> report_data{};
  EXTREQ_TRY(crypto::random_bytes(report_data));
  report_data_ = to_hex(report_data);

  EXTREQ_TRY_ASSIGN(
      const int requested,
      guest_command(
          control, "The guest asks its firmware for a report, and us for certificates",
          {"extreq", "request", "--extended", "--match", "--transport", "device", "--report-data",
           report_data_, "--report", report_path, "--certs", table_path}));
  report_at_ = seconds();
  if (requested != 0) return requested;
  EXTREQ_TRY_ASSIGN(
      const int verified,
      guest_command(control, "The guest verifies what came, trusting the model's root",
                    {"extreq", "verify", "--report", report_path, "--certs", table_path, "--trust",
                     root_path, "--report-data", report_data_}));
  genuine_inside_ = verified == exit_ok;
  say("The same bytes, fetched from the guest, are verified outside");
  EXTREQ_TRY_ASSIGN(genuine_outside_, verify_outside(control));
  if (genuine_inside_ && genuine_outside_) return exit_ok;
  return verified != exit_ok ? verified : exit_not_genuine;
}

Result<bool> AttestationDemo::verify_outside(machine::GuestControl& control) {
  EXTREQ_TRY_ASSIGN(const Bytes raw_report,
                    control.fetch(report_path, file_limit, exchange_step_time));
  EXTREQ_TRY_ASSIGN(const Bytes raw_table,
                    control.fetch(table_path, file_limit, exchange_step_time));
  report_size_ = raw_report.size();
  table_size_ = raw_table.size();
  EXTREQ_TRY_ASSIGN(const auto report, attestation::Report::parse(raw_report));
  EXTREQ_TRY_ASSIGN(const auto table, attestation::CertificateTable::parse(raw_table));
  EXTREQ_TRY_ASSIGN(const auto certificates, attestation::certificates_of(table));
  attestation::TrustAnchors anchors;
  EXTREQ_TRY(anchors.add(root_));
  attestation::Expectations expectations;
  EXTREQ_TRY_ASSIGN(const Bytes wanted, from_hex(report_data_));
  expectations.report_data.emplace();
  std::copy(wanted.begin(), wanted.end(), expectations.report_data->begin());
  const auto result =
      attestation::verify({report, certificates, anchors, system_clock().utc(), expectations});

  measurement_ = to_hex(report.measurement());
  const std::string expected = to_hex(machine::expected_measurement(image_.plan));
  const bool measured = measurement_ == expected;
  if (!json_) {
    fmt::print("           {}\n", attestation::summary(result));
    fmt::print("           MEASUREMENT {} the digest of the {} pages that were loaded\n",
               measured ? "is" : "IS NOT", image_.plan.page_count());
    if (!measured)
      fmt::print("           found  {}\n           wanted {}\n", measurement_, expected);
  }
  return result.verdict == attestation::Verdict::genuine && measured;
}

void AttestationDemo::print_end(const machine::StopCounts& stops) const {
  if (json_) {
    nlohmann::json counts;
    for (std::size_t kind = 0; kind < machine::site_kind_count; ++kind) {
      counts[machine::name(static_cast<machine::SiteKind>(kind))] = stops.by_kind[kind];
    }
    fmt::print("{}\n", nlohmann::json{{"kernel", image_.kernel.release()},
                                      {"genuine_in_guest", genuine_inside_},
                                      {"genuine_outside", genuine_outside_},
                                      {"measurement", measurement_},
                                      {"report_data", report_data_},
                                      {"report_bytes", report_size_},
                                      {"certificate_bytes", table_size_},
                                      {"seconds_to_guest", ready_at_},
                                      {"seconds_to_report", report_at_},
                                      {"seconds", seconds()},
                                      {"stops", counts}}
                           .dump());
    return;
  }
  say(fmt::format("The guest has powered off. {} stops of the processor in all.", stops.total()));
}

}  // namespace extreq::cli
