// batch_kernel FOLDER THREADS: the signatures of what make_fleet wrote, and nothing else, by the
// batch verifier in groups of 64 as `extreq verify --batch` has them: the rate that the verb is
// measured by. Reading and parsing come before the clock starts.
//
// Prints one line: the signatures, those that fit, seconds of wall time, seconds of CPU time.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <span>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "attestation/extensions.hpp"
#include "attestation/report.hpp"
#include "base/file.hpp"
#include "crypto/hash.hpp"
#include "crypto/p384/batch_verifier.hpp"
#include "crypto/x509.hpp"

namespace extreq::bench {
namespace {

namespace p384 = crypto::p384;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "batch_kernel: {}\n", why);
  std::exit(EXIT_FAILURE);
}

template <class T>
T take(Result<T> result) {
  if (!result) give_up(result.error().message);
  return *std::move(result);
}

using Keys = std::map<Bytes, crypto::EcdsaP384PublicKey>;  // by hwID

Keys read_keys(const std::filesystem::path& folder) {
  Keys keys;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("vcek")) continue;
    const auto leaf = take(crypto::Certificate::from_der(take(read_file(entry.path()))));
    const auto extensions = take(attestation::read_extensions(leaf));
    if (!extensions.hwid) give_up(entry.path().string() + " has no hwID");
    keys.emplace(*extensions.hwid, take(leaf.ecdsa_p384_key()));
  }
  return keys;
}

std::vector<p384::SignatureQuestion> read_questions(const std::filesystem::path& folder,
                                                    const Keys& keys) {
  constexpr std::size_t limit = 1UL << 30U;
  const Bytes reports = take(read_file(folder / "reports", limit));
  std::vector<p384::SignatureQuestion> questions;
  questions.reserve(reports.size() / attestation::Report::size);
  for (ByteView rest = reports; !rest.empty(); rest = rest.subspan(attestation::Report::size)) {
    const auto report = take(attestation::Report::parse(rest.first(attestation::Report::size)));
    const ByteView chip_id = report.chip_id();
    const auto key = keys.find(Bytes(chip_id.begin(), chip_id.end()));
    if (key == keys.end()) give_up("a report is of a chip without a VCEK");
    questions.push_back(
        {&key->second, crypto::sha384(report.signed_bytes()), take(report.signature())});
  }
  return questions;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::size_t verify_all(std::span<const p384::SignatureQuestion> questions, unsigned threads) {
  constexpr std::size_t group = 64;
  const p384::BatchVerifier verifier;
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> good = 0;
  std::vector<std::jthread> workers;
  for (unsigned i = 0; i < threads; ++i) {
    workers.emplace_back([&] {
      for (std::size_t at = next.fetch_add(group); at < questions.size();
           at = next.fetch_add(group)) {
        const auto fits =
            verifier.verify(questions.subspan(at, std::min(group, questions.size() - at)));
        good += static_cast<std::size_t>(std::ranges::count(fits, true));
      }
    });
  }
  workers.clear();
  return good;
}

}  // namespace
}  // namespace extreq::bench

int main(int argc, char** argv) {
  using namespace extreq::bench;
  const unsigned long threads = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (threads == 0) {
    std::fputs("usage: batch_kernel FOLDER THREADS\n", stderr);
    return EXIT_FAILURE;
  }
  const std::filesystem::path folder(argv[1]);
  const auto keys = read_keys(folder / "leaves");
  const auto questions = read_questions(folder, keys);
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const std::size_t good = verify_all(questions, static_cast<unsigned>(threads));
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  fmt::print("{} {} {:.6f} {:.6f}\n", questions.size(), good, wall.count(), cpu_seconds() - cpu);
  return EXIT_SUCCESS;
}
