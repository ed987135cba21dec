#include "attestation/verification_stream.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "attestation/signature_batch.hpp"
#include "base/try.hpp"

namespace extreq::attestation {
namespace {
// So many reports stay in the caches between submit() and their answer.
constexpr std::size_t groups_for_each_thread = 8;
}  // namespace

VerificationStream::VerificationStream(const Verifier& verifier, const EndorsementIndex& index,
                                       const Options& options, Deliver deliver)
    : verifier_(verifier), index_(index), options_(options), deliver_(std::move(deliver)) {
  const unsigned count =
      options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
  options_.group = std::max<std::size_t>(options_.group, 1);
  if (options_.group > signature_lanes) options_.group -= options_.group % signature_lanes;
  if (options_.waiting == 0) options_.waiting = groups_for_each_thread * count * options_.group;
  options_.waiting = std::max(options_.waiting, options_.group);
  threads_.reserve(count);
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

VerificationStream::~VerificationStream() { finish(); }

void VerificationStream::submit(Evidence evidence) {
  bool full_group = false;
  {
    std::unique_lock lock(mutex_);
    delivered_.wait(lock, [this] { return submitted_ - next_ < options_.waiting; });
    if (queue_.empty() || queue_.back().size() == options_.group) queue_.push_back(new_items());
    queue_.back().push_back({std::move(evidence), std::chrono::steady_clock::now()});
    ++submitted_;
    // The first report starts the wait of a thread, the last one of a group ends it.
    const std::uint64_t queued = submitted_ - taken_;
    full_group = queued == 1 || queued % signature_lanes == 0;
  }
  if (full_group) arrived_.notify_one();
}

void VerificationStream::finish() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void VerificationStream::work() {
  Group group;
  while (take(group)) hand_over(answer(group));
}

VerificationStream::Items VerificationStream::new_items() {
  Items items;
  if (spare_.empty()) {
    items.reserve(options_.group);
  } else {
    items = std::move(spare_.back());
    spare_.pop_back();
  }
  return items;
}

// Effect: waits for a group, whose memory is then taken for others. False: there will be none.
bool VerificationStream::take(Group& group) {
  group.items.clear();
  std::unique_lock lock(mutex_);
  if (group.items.capacity() != 0) spare_.push_back(std::move(group.items));
  for (;;) {
    arrived_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (queue_.empty()) return false;
    const auto enough = [this] { return closed_ || submitted_ - taken_ >= signature_lanes; };
    const auto until = queue_.front().front().arrival + options_.wait;
    // Another thread may take the queue in the meantime: then from the start.
    arrived_.wait_until(lock, until, [&] { return enough() || queue_.empty(); });
    if (!queue_.empty()) break;
  }
  group.first = taken_;
  group.items = std::move(queue_.front());
  queue_.pop_front();
  // What fills no lanes of a group that is still being filled waits for others.
  const std::size_t count = group.items.size();
  if (const std::size_t over = count % signature_lanes; over != 0 && count > signature_lanes) {
    const auto rest = group.items.end() - static_cast<std::ptrdiff_t>(over);
    Items& items = queue_.emplace_front(new_items());
    std::move(rest, group.items.end(), std::back_inserter(items));
    group.items.erase(rest, group.items.end());
  }
  taken_ += group.items.size();
  if (!queue_.empty()) arrived_.notify_one();
  return true;
}

Result<Verifier::SharedEndorsement> VerificationStream::endorsement_for(
    const Report& report, const Evidence& evidence) const {
  if (!evidence.certificate_table.empty()) {
    return verifier_.endorsement(report.signing_key(), evidence.certificate_table,
                                 index_.authorities());
  }
  // Without a share in it: the index outlives the stream.
  const std::shared_ptr<const void> nothing;
  if (const auto* found = index_.find(report)) return Verifier::SharedEndorsement(nothing, found);
  return fail(Code::not_found,
              "no {} for chip {} and REPORTED_TCB {:#018x} among the {} leaves given",
              to_text(report.signing_key()),
              report.chip_id_masked() ? "(masked)" : to_hex(report.chip_id()),
              report.reported_tcb(), index_.size());
}

struct VerificationStream::Prepared {
  const Report* report;
  Verifier::SharedEndorsement endorsement;
  std::optional<Expectations> expectations;  // nullopt: those of all
};

Result<VerificationStream::Prepared> VerificationStream::prepare(const Evidence& evidence) const {
  if (!evidence.report) return tl::unexpected(evidence.report.error());
  const Report& report = *evidence.report;
  EXTREQ_TRY_ASSIGN(auto endorsement, endorsement_for(report, evidence));
  std::optional<Expectations> expectations;
  if (!evidence.certificate_table.empty() && looks_at_table(options_.expectations)) {
    EXTREQ_TRY_ASSIGN(expectations, verifier_.with_table(options_.expectations,
                                                         evidence.certificate_table, *endorsement));
  }
  if (evidence.runtime_data) {
    if (!expectations) expectations = options_.expectations;
    expectations->runtime_data = evidence.runtime_data;
  }
  return Prepared{&report, std::move(endorsement), std::move(expectations)};
}

std::vector<VerificationStream::Answer> VerificationStream::answer(const Group& group) const {
  std::vector<Result<Prepared>> prepared;
  prepared.reserve(group.items.size());
  for (const Item& item : group.items) prepared.push_back(prepare(item.evidence));
  std::vector<SignatureQuestion> questions;
  questions.reserve(prepared.size());
  std::vector<bool> asked;
  asked.reserve(prepared.size());
  for (const auto& one : prepared) {
    const auto question = one ? signature_question(*one->report, *one->endorsement) : std::nullopt;
    if (question) questions.push_back(*question);
    asked.push_back(question.has_value());
  }
  const std::vector<bool> fits = verify_signatures(signatures_, questions);
  auto fit = fits.begin();
  std::vector<Answer> answers;
  answers.reserve(prepared.size());
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    const auto& one = prepared[i];
    const std::uint64_t number = group.first + i;
    const bool signature_fits = asked[i] && *fit++;
    if (one) {
      const auto& expected = one->expectations ? *one->expectations : options_.expectations;
      answers.push_back(
          {number, verify(*one->report, *one->endorsement, options_.at, expected, signature_fits)});
    } else {
      answers.push_back({number, tl::unexpected(one.error())});
    }
  }
  return answers;
}

void VerificationStream::hand_over(std::vector<Answer> answers) {
  std::unique_lock lock(mutex_);
  ready_.emplace(answers.front().number, std::move(answers));
  if (delivering_) return;  // whoever delivers will see it
  delivering_ = true;
  while (!ready_.empty() && ready_.begin()->first == next_) {
    const auto group = std::move(ready_.begin()->second);
    ready_.erase(ready_.begin());
    lock.unlock();
    for (const Answer& one : group) deliver_(one);
    lock.lock();
    next_ += group.size();
    // submit() is woken for many reports at once: for each group costs a switch of threads.
    if (submitted_ - next_ <= options_.waiting / 2) delivered_.notify_all();
  }
  delivering_ = false;
}

}  // namespace extreq::attestation
