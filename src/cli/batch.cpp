#include "cli/batch.hpp"

#include <atomic>
#include <bitset>
#include <deque>
#include <mutex>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "attestation/verification_stream.hpp"
#include "base/try.hpp"
#include "cli/batch_source.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/inputs.hpp"
#include "cli/verdict.hpp"

namespace extreq::cli {
namespace {

using attestation::CheckState;
using attestation::Verdict;
using attestation::Verification;
using attestation::VerificationStream;

std::string json_text(const std::string& text) {
  return Document(text).dump(-1, ' ', false, Document::error_handler_t::replace);
}

struct Counts {
  std::uint64_t genuine = 0;
  std::uint64_t not_genuine = 0;
  std::uint64_t not_acceptable = 0;
  std::uint64_t unreadable = 0;

  [[nodiscard]] std::uint64_t all() const {
    return genuine + not_genuine + not_acceptable + unreadable;
  }
  [[nodiscard]] int exit_code() const {
    if (not_genuine != 0) return exit_not_genuine;
    if (not_acceptable != 0) return exit_not_acceptable;
    return unreadable != 0 ? exit_unreadable : exit_ok;
  }
  void add(Verdict verdict) {
    if (verdict == Verdict::genuine) ++genuine;
    if (verdict == Verdict::not_genuine) ++not_genuine;
    if (verdict == Verdict::not_acceptable) ++not_acceptable;
  }
};

// At most four times a second, on a terminal only.
class BatchProgress {
 public:
  explicit BatchProgress(std::optional<std::size_t> total)
      : total_(total), shown_(isatty(STDERR_FILENO) == 1) {}

  void show(const Counts& counts, bool last) {
    if (!shown_) return;
    const auto now = std::chrono::steady_clock::now();
    constexpr auto pause = std::chrono::milliseconds(250);
    if (!last && now - last_ < pause) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = seconds > 0 ? static_cast<double>(counts.all()) / seconds : 0;
    fmt::print(stderr, "\r{}{} reports, {:.0f} a second, {} not genuine, {} unreadable{}",
               counts.all(), total_ ? fmt::format(" of {}", *total_) : "", rate,
               counts.not_genuine + counts.not_acceptable, counts.unreadable, last ? "\n" : "");
  }

 private:
  std::optional<std::size_t> total_;
  bool shown_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_;
};

// Writes the lines. Names are told before their reports are submitted; the rest comes from the
// stream, which calls from one thread at a time.
class Lines {
 public:
  explicit Lines(std::optional<std::size_t> total) : progress_(total) {}

  void expect(std::string name) {
    const std::lock_guard lock(mutex_);
    names_.push_back(std::move(name));
  }

  void write(const VerificationStream::Answer& answer) {
    std::string name;
    bool last = false;  // of those that were submitted
    {
      const std::lock_guard lock(mutex_);
      name = std::move(names_.front());
      names_.pop_front();
      last = names_.empty();
    }
    const fmt::format_int number(answer.number);
    lines_.append("{\"number\":").append(number.data(), number.size());
    if (!name.empty()) lines_.append(",\"name\":").append(json_text(name));
    if (answer.verification) {
      write_verification(*answer.verification);
    } else {
      lines_.append(",\"verdict\":null,\"error\":")
          .append(json_text(answer.verification.error().message));
      ++counts_.unreadable;
    }
    lines_.append("}\n");
    if (last || lines_.size() >= lines_max) put();
    progress_.show(counts_, false);
  }

  [[nodiscard]] Result<int> finish() {
    put();
    progress_.show(counts_, true);
    if (failed_) {
      return fail(Code::io, "the output could not be written");
    }
    return counts_.exit_code();
  }
  // Nobody reads any more: there is no use in going on.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  // Many lines for one system call, where there are many; none waits for a report that has not
  // come.
  static constexpr std::size_t lines_max = 64UL * 1024;

  void put() {
    if (std::fwrite(lines_.data(), 1, lines_.size(), stdout) != lines_.size() ||
        std::fflush(stdout) != 0) {
      failed_ = true;
    }
    lines_.clear();
  }

  void write_verification(const Verification& verification) {
    counts_.add(verification.verdict);
    lines_.append(",\"verdict\":\"").append(verdict_name(verification.verdict)).append("\"");
    lines_.append(",\"failed\":{");
    const char* comma = "";
    std::bitset<attestation::check_count> not_done;
    for (const auto& check : verification.checks) {
      not_done[static_cast<std::size_t>(check.id)] = check.state == CheckState::not_done;
      if (check.state != CheckState::failed) continue;
      lines_.append(comma).append("\"").append(attestation::kind_of(check.id).name).append("\":");
      lines_.append(json_text(check.why));
      comma = ",";
    }
    if (not_done != not_done_) name_not_done(not_done);
    lines_.append(not_checked_);
  }

  // Most reports of a batch leave out the same checks.
  void name_not_done(std::bitset<attestation::check_count> not_done) {
    not_done_ = not_done;
    not_checked_ = "},\"not_checked\":[";
    const char* comma = "";
    for (const auto& kind : attestation::check_kinds()) {
      if (!not_done[static_cast<std::size_t>(kind.id)]) continue;
      not_checked_.append(comma).append("\"").append(kind.name).append("\"");
      comma = ",";
    }
    not_checked_.append("]");
  }

  BatchProgress progress_;
  std::mutex mutex_;  // guards names_
  std::deque<std::string> names_;
  std::string lines_;
  // What was not done in the last verification, and its text.
  std::bitset<attestation::check_count> not_done_;
  std::string not_checked_ = "},\"not_checked\":[]";
  Counts counts_;
  std::atomic<bool> failed_ = false;
};

Result<std::vector<crypto::Certificate>> read_leaves(const std::string& folder) {
  std::vector<crypto::Certificate> certificates;
  EXTREQ_TRY_ASSIGN(const auto names, files_in(folder));
  for (const std::string& name : names) {
    EXTREQ_TRY_ASSIGN(const auto found, read_certificates(fmt::format("{}/{}", folder, name)));
    certificates.insert(certificates.end(), found.begin(), found.end());
  }
  return certificates;
}

}  // namespace

void add_batch_options(CLI::App& input, CLI::App& verb, BatchOptions& options) {
  input
      .add_option("--batch", options.source,
                  "Instead of --report: a folder of reports or evidence, a file of reports one "
                  "after the other (JSON evidence: one a line), or - for standard input alike; one "
                  "JSON line for each")
      ->type_name("DIR|FILE|-");
  verb.add_option("--leaves", options.leaves,
                  "With --batch: a folder of VCEKs, VLEKs and their chains, DER or PEM")
      ->type_name("DIR");
  verb.add_option("--threads", options.threads, "With --batch; without it: one for each CPU")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb.add_option("--wait", options.wait_microseconds,
                  "With --batch: how long a report may wait for others, in microseconds (1000)")
      ->type_name("US")
      ->check(CLI::Range(0, 1000000));
}

Result<int> run_batch(const BatchOptions& options, BatchRequest request) {
  if (!options.leaves.empty()) {
    EXTREQ_TRY_ASSIGN(const auto leaves, read_leaves(options.leaves));
    request.certificates.insert(request.certificates.end(), leaves.begin(), leaves.end());
  }
  EXTREQ_TRY_ASSIGN(const auto source, open_batch(options.source, request.format));
  const attestation::Verifier verifier(request.anchors);
  const attestation::EndorsementIndex index(request.certificates, request.anchors);
  Lines lines(source->count());
  request.expectations.explain_all = false;  // the lines have no words for it
  VerificationStream stream(verifier, index,
                            {.threads = options.threads,
                             .wait = std::chrono::microseconds(options.wait_microseconds),
                             .at = request.at,
                             .expectations = request.expectations},
                            [&](const VerificationStream::Answer& answer) { lines.write(answer); });
  while (auto input = source->next()) {
    if (lines.failed()) break;
    lines.expect(std::move(input->name));
    stream.submit(std::move(input->evidence));
  }
  stream.finish();
  return lines.finish();
}

}  // namespace extreq::cli
