#include "crypto/p384/batch_verifier.hpp"

#include <algorithm>
#include <memory>

#include "crypto/p384/radix52.hpp"
#include "crypto/p384/scalar.hpp"

namespace extreq::crypto::p384 {
namespace {

// Groups of fresh keys that share one inversion: their tables are 128 KiB then.
constexpr std::size_t groups_at_once = 8;
constexpr std::size_t questions_at_once = groups_at_once * lanes;

// One group costs about as much as the library takes for one signature of a fresh key.
constexpr std::size_t fresh_minimum = 2;

// p - n: an r below it stands for two x coordinates, r and r + n. No honest signer meets one.
constexpr P384Limbs prime_minus_order = {
    0x1313e696333ad68c, 0xa7e5f24cb74f5885, 0x389cb27e0bc8d21f, 0, 0, 0};

// What the scalars of a question come to.
struct Prepared {
  std::size_t index;  // of the question
  P384Limbs r;
  P384Limbs u1;
  P384Limbs u2;
  KnownKeys::Table table;  // nullptr: a fresh key
};

class Chunk {
 public:
  Chunk(std::span<const SignatureQuestion> questions, std::vector<bool>& answers)
      : questions_(questions), answers_(answers) {}

  // Those for the kernel, in `prepared`; the rest is answered.
  void prepare(std::size_t begin, std::size_t end, KnownKeys& known_keys);
  void judge_known();
  void judge_fresh();

 private:
  void judge_by_library(std::size_t index) {
    const SignatureQuestion& question = questions_[index];
    answers_[index] = question.key->verify_digest(question.digest, question.signature);
  }
  void judge(std::span<const Prepared> group, std::size_t tables, std::size_t columns,
             const PointRecord* const (&key_tables)[lanes], const PointRecord& end);

  std::span<const SignatureQuestion> questions_;
  std::vector<bool>& answers_;
  std::vector<Prepared> known_;
  std::vector<Prepared> fresh_;
};

void Chunk::prepare(std::size_t begin, std::size_t end, KnownKeys& known_keys) {
  std::vector<Prepared> prepared;
  std::vector<P384Limbs> s_values;
  prepared.reserve(end - begin);
  s_values.reserve(end - begin);
  for (std::size_t index = begin; index < end; ++index) {
    const SignatureQuestion& question = questions_[index];
    P384Limbs r;
    P384Limbs s;
    load_big_endian(question.signature.r, r);
    load_big_endian(question.signature.s, s);
    if (!is_p384_scalar(r) || !is_p384_scalar(s)) {
      answers_[index] = false;
    } else if (mpn_cmp(r.data(), prime_minus_order.data(), p384_limbs) < 0) {
      judge_by_library(index);
    } else {
      prepared.push_back({index, r, {}, {}, known_keys.find(*question.key)});
      s_values.push_back(s);
    }
  }
  const std::vector<P384Limbs> inverses = montgomery_inverses(s_values);
  known_.reserve(prepared.size());
  for (std::size_t i = 0; i < prepared.size(); ++i) {
    Prepared& one = prepared[i];
    P384Limbs digest;
    load_big_endian(questions_[one.index].digest, digest);
    one.u1 = montgomery_multiply(reduce_once(digest), inverses[i]);
    one.u2 = montgomery_multiply(one.r, inverses[i]);
    (one.table ? known_ : fresh_).push_back(std::move(one));
  }
}

void Chunk::judge(std::span<const Prepared> group, std::size_t tables, std::size_t columns,
                  const PointRecord* const (&key_tables)[lanes], const PointRecord& end) {
  Group question;
  question.tables = tables;
  question.columns = columns;
  question.base_table = base_tables().multiples.data();
  question.start = &base_tables().start;
  question.end = &end;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    // Lanes to spare repeat the first question.
    const Prepared& one = group[lane < group.size() ? lane : 0];
    question.key_tables[lane] = key_tables[lane < group.size() ? lane : 0];
    signed_digits(one.u2, key_window, tables * columns, &question.key_digits[0][lane], lanes);
    signed_digits(one.u1, base_window, base_digits, &question.base_digits[0][lane], lanes);
    for (std::size_t i = 0; i < field_limbs; ++i) question.r[i][lane] = limb52(one.r, i);
  }
  const Answer answer = ifma_check(question);
  for (std::size_t lane = 0; lane < group.size(); ++lane) {
    if ((answer.undecided >> lane & 1U) != 0) {
      judge_by_library(group[lane].index);
    } else {
      answers_[group[lane].index] = (answer.equal >> lane & 1U) != 0;
    }
  }
}

void Chunk::judge_known() {
  for (std::size_t begin = 0; begin < known_.size(); begin += lanes) {
    const auto group = std::span(known_).subspan(begin, std::min(lanes, known_.size() - begin));
    const PointRecord* tables[lanes] = {};
    for (std::size_t lane = 0; lane < group.size(); ++lane) {
      tables[lane] = group[lane].table->data();
    }
    judge(group, known_tables, known_columns, tables, base_tables().known_end);
  }
}

void Chunk::judge_fresh() {
  if (fresh_.size() < fresh_minimum) {
    for (const Prepared& one : fresh_) judge_by_library(one.index);
    return;
  }
  const std::size_t groups = (fresh_.size() + lanes - 1) / lanes;
  std::vector<PointRecord> bases(groups * lanes);
  std::vector<PointRecord> multiples(groups * lanes * key_entries);
  std::vector<PointRecord*> out(groups * lanes);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = &multiples[i * key_entries];
  for (std::size_t group = 0; group < groups; ++group) {
    const EcdsaP384PublicKey* keys[lanes];
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t i = std::min(group * lanes + lane, fresh_.size() - 1);
      keys[lane] = questions_[fresh_[i].index].key;
    }
    PointRecord records[lanes];
    records_of(keys, records);
    std::copy_n(records, lanes, &bases[group * lanes]);
  }
  std::vector<ScratchElement> scratch(ifma_multiples_scratch(groups, key_entries));
  ifma_multiples(bases.data(), out.data(), groups, key_entries, scratch.data());
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t begin = group * lanes;
    const PointRecord* tables[lanes];
    for (std::size_t lane = 0; lane < lanes; ++lane) tables[lane] = out[begin + lane];
    judge(std::span(fresh_).subspan(begin, std::min(lanes, fresh_.size() - begin)), fresh_tables,
          fresh_columns, tables, base_tables().fresh_end);
  }
}

}  // namespace

Kernel best_kernel() noexcept { return ifma_available() ? Kernel::ifma : Kernel::library; }

BatchVerifier::BatchVerifier(const Options& options)
    : options_(options), known_keys_(options.known_keys, options.known_after) {
  if (!ifma_available()) options_.kernel = Kernel::library;
}

std::vector<bool> BatchVerifier::verify(std::span<const SignatureQuestion> questions) const {
  std::vector<bool> answers(questions.size());
  if (options_.kernel == Kernel::library) {
    for (std::size_t i = 0; i < questions.size(); ++i) {
      answers[i] = questions[i].key->verify_digest(questions[i].digest, questions[i].signature);
    }
    return answers;
  }
  for (std::size_t begin = 0; begin < questions.size(); begin += questions_at_once) {
    Chunk chunk(questions, answers);
    chunk.prepare(begin, std::min(begin + questions_at_once, questions.size()), known_keys_);
    chunk.judge_known();
    chunk.judge_fresh();
  }
  return answers;
}

}  // namespace extreq::crypto::p384
