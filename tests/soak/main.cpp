// extreq_soak: readers, an updater that is killed again and again, and a service on one platform
// and one blob, each in a process of its own. Every report must be of the table held.
//
//   extreq_soak [--requests N] [--seed N] [--no-lock]
//
// --no-lock: the updater changes the key outside the lock; the mismatches that follow show that
// the soak would see one. Exit status: 0: none; 1: a mismatch, a torn table or another failure;
// 2: it could not begin.
#include <chrono>
#include <cstdio>
#include <exception>
#include <numeric>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "base/try.hpp"
#include "lease/blob_writer.hpp"
#include "tests/soak/family.hpp"
#include "tests/soak/updater.hpp"

namespace extreq::soak {
namespace {

void print(const SharedState& shared, const Family& family, double seconds) {
  const auto& kills = family.kills();
  fmt::print("{:.0f} s\n", seconds);
  fmt::print(
      "{} requests: {} by the library, {} by a foreign reader that opens anew, {} by one that "
      "keeps the file open, {} over the service's socket\n",
      shared.requests[0] + shared.requests[1] + shared.requests[2] + shared.requests[3],
      shared.requests[0].load(), shared.requests[1].load(), shared.requests[2].load(),
      shared.requests[3].load());
  fmt::print("{} with a table, {} with the empty one; {} verified in full; {} times busy\n",
             shared.with_table.load(), shared.empty_tables.load(), shared.verified.load(),
             shared.busy.load());
  fmt::print(
      "{} updates, {} repairs; longest wait for the lock {:.1f} ms, guests held for {:.1f} ms "
      "at most\n",
      shared.updates.load(), shared.repairs.load(), static_cast<double>(shared.longest_wait) / 1000,
      static_cast<double>(shared.longest_held) / 1000);
  fmt::print(
      "the service: {} tables published, {} turns beside an update, {} kills with the updater; {} "
      "times no answer from it\n",
      shared.service_publications.load(), shared.service_busy.load(), family.service_kills(),
      shared.no_service.load());
  fmt::print(
      "{} kills: {} between updates, {} before the command, {} before its change, {} after "
      "its change, {} after it\n",
      std::accumulate(kills.begin(), kills.end(), std::uint64_t{0}), kills[0], kills[1], kills[2],
      kills[3], kills[4]);
  fmt::print("{} mismatches, {} torn tables, {} failures\n", shared.mismatches.load(),
             shared.torn_tables.load(), shared.failures.load());
}

// A run in which one of the readers or the updater did nothing shows nothing.
bool everybody_worked(const SharedState& shared) {
  return std::ranges::all_of(shared.requests, [](const auto& count) { return count > 0; }) &&
         shared.updates > 0 && shared.with_table > 0;
}

// In memory where there is such a folder, as /run is: the model of the firmware syncs its state
// while guests are held, and a disk that others write to takes many seconds for that.
Result<TemporaryDirectory> make_folder() {
  const std::string memory = "/dev/shm";
  const bool usable = ::access(memory.c_str(), W_OK | X_OK) == 0;
  return TemporaryDirectory::create("extreq-soak", usable ? memory : std::string());
}

Result<int> run(Scene& scene, std::uint64_t requests) {
  EXTREQ_TRY_ASSIGN(const auto directory, make_folder());
  scene.folder = directory.path();
  EXTREQ_TRY(prepare(scene));
  EXTREQ_TRY(lease::BlobWriter(scene.blob()).begin(lock_wait_max));
  scene.shared->left = static_cast<std::int64_t>(requests);
  const auto start = system_clock().now();
  Family family(scene);
  family.run();
  const SharedState& shared = *scene.shared;
  print(shared, family, std::chrono::duration<double>(system_clock().now() - start).count());
  if (!everybody_worked(shared)) return fail(Code::io, "a process of the soak did nothing");
  return shared.mismatches + shared.torn_tables + shared.failures == 0 ? 0 : 1;
}

int soak(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--command")
    return run_command({argv + 2, argv + argc});
  CLI::App app(
      "Readers, updaters that are killed, and the firmware model, on one certificate blob.");
  Scene scene;
  std::uint64_t requests = 20'000;
  bool no_lock = false;
  scene.seed = static_cast<std::uint64_t>(system_clock().utc().time_since_epoch().count());
  app.add_option("--requests", requests, "How many, in all")->check(CLI::PositiveNumber);
  app.add_option("--seed", scene.seed, "Of all that is left to chance but the scheduler");
  app.add_flag("--no-lock", no_lock, "Change the key outside the lock: must find mismatches");
  CLI11_PARSE(app, argc, argv);
  scene.lock = !no_lock;
  fmt::print("seed {}\n", scene.seed);
  std::fflush(stdout);
  const auto code = run(scene, requests);
  if (code) return *code;
  fmt::print(stderr, "extreq_soak: {}\n", code.error().message);
  return 2;
}

}  // namespace
}  // namespace extreq::soak

int main(int argc, char** argv) {
  try {
    return extreq::soak::soak(argc, argv);
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "extreq_soak: %s\n", failure.what());
    return 2;
  }
}
