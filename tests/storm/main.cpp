// extreq_storm: leases beside updates that are ended by signals at random moments, with commands
// that close their descriptors and change the key 150 ms later. No lease may have a table of
// another key.
//
//   extreq_storm --program EXTREQ [--seconds N] [--seed N]
//
// Updaters and the service are the program itself. Exit status: 0: no lease with another key's
// table; 1: there was one, or a process did nothing or ended otherwise than it should; 2: it could
// not begin.
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>
#include <random>
#include <stdexcept>
#include <thread>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attestation/tcb.hpp"
#include "base/temporary_directory.hpp"
#include "base/try.hpp"
#include "base/unique_fd.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "firmware/model/test_guest.hpp"
#include "host/signing_state.hpp"
#include "lease/blob_source.hpp"

namespace extreq::storm {
namespace {

using namespace std::chrono_literals;
using firmware::model::must;
using firmware::model::SecureProcessor;

constexpr auto change_after = 150ms;  // the command has closed its descriptors by then
constexpr auto life_max = 400ms;
constexpr int lease_max_us = 3000;
constexpr int readers = 3;
constexpr std::uint8_t tcbs = 3;
constexpr std::array ending = {SIGTERM, SIGINT, SIGHUP, SIGKILL};

// In memory that all processes share.
struct Counts {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> leases{0};  // with a table
  std::atomic<std::uint64_t> empty{0};
  std::atomic<std::uint64_t> busy{0};
  std::atomic<std::uint64_t> mismatches{0};
  std::atomic<std::uint64_t> failures{0};
};

struct Scene {
  std::string program;
  std::string platform;
  Counts* counts = nullptr;
  std::mt19937_64 lot;

  [[nodiscard]] std::string blob() const { return platform + "/host.blob"; }
  int draw(int limit) { return static_cast<int>(lot() % static_cast<unsigned>(limit)); }
};

attestation::Tcb tcb_of(int index) {
  return {std::nullopt, 4, 0, static_cast<std::uint8_t>(20 + index), 200};
}

std::string text_of(int index) {
  return fmt::format("{:#x}", attestation::encode_tcb(tcb_of(index)));
}

pid_t start(const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child != 0) return child;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
  try {
    body();
  } catch (const std::exception& failure) {
    fmt::print(stderr, "{}: {}\n", ::getpid(), failure.what());
    ::_exit(1);
  }
  ::_exit(0);
}

pid_t start_program(std::vector<std::string> arguments) {
  return start([&arguments] {
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) ::dup2(nowhere, fd);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  });
}

int end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// A guest's requests: under each lease, the state that the firmware signs with and the leaf.
void read_leases(const Scene& scene, std::uint64_t seed) {
  const auto processor = must(SecureProcessor::open(scene.platform));
  const auto holder = lease::BlobSource(scene.blob()).open_holder().value();
  std::mt19937_64 lot(seed);
  Counts& counts = *scene.counts;
  while (!counts.over) {
    const auto table = holder->acquire(20ms);
    if (!table) {
      ++(table.error().code == Code::busy ? counts.busy : counts.failures);
      continue;
    }
    if (table->empty()) {
      ++counts.empty;
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(lot() % lease_max_us));
      const auto state = must(host::read_signing_state(*processor));
      ++(host::check_fits(*table, state) ? counts.leases : counts.mismatches);
    }
    holder->release();
    std::this_thread::sleep_for(1ms);
  }
}

// The command of an update. `ending`: whether signals end it before its work is done; work that
// goes on elsewhere they do not end.
int run_command(const std::vector<std::string>& arguments) {
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  if (arguments.at(2) == "stubborn") {
    for (const int number : ending) ::signal(number, SIG_IGN);
  }
  std::this_thread::sleep_for(change_after);
  abi::snp::Config config;
  config.reported_tcb = std::stoull(arguments.at(1), nullptr, 0);
  return must(SecureProcessor::open(arguments.at(0)))->set_config(config) ? 0 : 1;
}

class Storm {
 public:
  explicit Storm(Scene& scene) : scene_(scene) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw std::runtime_error("prctl");
    std::array<char, 4096> path{};
    if (::readlink("/proc/self/exe", path.data(), path.size() - 1) < 0) {
      throw std::runtime_error("readlink /proc/self/exe");
    }
    self_ = path.data();
  }

  // Each TCB's certificate gets into the store, so that nothing but the lock costs time later.
  void fetch_all() {
    for (int i = 0; i < tcbs; ++i) {
      if (end_of(start_program(update({"--config", "--to-tcb", text_of(i)}))) != 0) {
        throw std::runtime_error("host update --config failed");
      }
    }
  }

  void run(std::chrono::seconds duration) {
    const pid_t service = start_program(
        {scene_.program, "host", "serve", "--platform", scene_.platform, "--interval", "0.05"});
    std::vector<pid_t> guests;
    for (int i = 0; i < readers; ++i) {
      guests.push_back(start([this, seed = scene_.lot()] { read_leases(scene_, seed); }));
    }
    const auto end = system_clock().now() + duration;
    while (system_clock().now() < end) one_update();
    scene_.counts->over = true;
    ::kill(service, SIGTERM);
    if (end_of(service) != 0) ++scene_.counts->failures;
    for (const pid_t guest : guests) {
      if (end_of(guest) != 0) ++scene_.counts->failures;
    }
    while (::waitpid(-1, nullptr, 0) > 0) {  // keepers and commands of killed updaters
    }
  }

  [[nodiscard]] std::uint64_t updates() const noexcept { return updates_; }
  [[nodiscard]] const std::array<std::uint64_t, ending.size()>& signals() const noexcept {
    return signals_;
  }

 private:
  std::vector<std::string> update(const std::vector<std::string>& form) {
    std::vector<std::string> arguments = {scene_.program,  "host",        "update", "--platform",
                                          scene_.platform, "--lock-wait", "10"};
    arguments.insert(arguments.end(), form.begin(), form.end());
    return arguments;
  }

  void one_update() {
    const char* const manner = scene_.draw(4) == 0 ? "obedient" : "stubborn";
    const pid_t updater =
        start_program(update({"--to-tcb", text_of(scene_.draw(tcbs)), "--", self_, "--command",
                              scene_.platform, text_of(scene_.draw(tcbs)), manner}));
    ++updates_;
    if (scene_.draw(4) != 0) {
      // Most of them while the command has not changed the key yet, wherever a slow machine is
      // then.
      const bool aimed = scene_.draw(4) != 0 && wait_for_the_empty_table(updater);
      std::this_thread::sleep_for(scene_.draw(100) * (aimed ? change_after : life_max) / 100);
      const auto which = static_cast<std::size_t>(scene_.draw(ending.size()));
      if (::kill(updater, ending.at(which)) == 0) ++signals_.at(which);
    }
    end_of(updater);
  }

  // Until the blob has no table: its update is under the lock. False: the updater has ended before.
  bool wait_for_the_empty_table(pid_t updater) const {
    const UniqueFd blob(::open(scene_.blob().c_str(), O_RDONLY | O_CLOEXEC));
    std::array<std::uint8_t, 24> first{};
    while (::pread(blob.get(), first.data(), first.size(), 0) !=
               static_cast<ssize_t>(first.size()) ||
           !all_zero(first)) {
      siginfo_t ended{};
      ::waitid(P_PID, static_cast<id_t>(updater), &ended, WEXITED | WNOHANG | WNOWAIT);
      if (ended.si_pid == updater) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }

  Scene& scene_;
  std::string self_;
  std::uint64_t updates_ = 0;
  std::array<std::uint64_t, ending.size()> signals_{};
};

Status prepare(Scene& scene) {
  void* const memory =
      ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno("map the counters");
  scene.counts = new (memory) Counts;  // NOLINT(cppcoreguidelines-owning-memory): for good
  firmware::model::Installation installation;
  installation.product = attestation::Product::milan;
  installation.keys = firmware::model::test_authority_keys();
  return SecureProcessor::install(scene.platform, installation);
}

int report(const Scene& scene, const Storm& storm) {
  const Counts& counts = *scene.counts;
  const auto& signals = storm.signals();
  fmt::print("{} updates, ended by: {} SIGTERM, {} SIGINT, {} SIGHUP, {} SIGKILL\n",
             storm.updates(), signals[0], signals[1], signals[2], signals[3]);
  fmt::print("{} leases with the key's own table, {} with the empty one, {} times busy\n",
             counts.leases.load(), counts.empty.load(), counts.busy.load());
  fmt::print("{} leases with the table of another key, {} failures\n", counts.mismatches.load(),
             counts.failures.load());
  const bool worked = counts.leases > 0 && storm.updates() > 0;
  if (!worked) fmt::print("a process of the storm did nothing\n");
  return worked && counts.mismatches + counts.failures == 0 ? 0 : 1;
}

int main_of(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--command") {
    return run_command({argv + 2, argv + argc});
  }
  CLI::App app("Leases beside updates that are ended by signals.");
  Scene scene;
  unsigned seconds = 25;
  auto seed = static_cast<std::uint64_t>(system_clock().utc().time_since_epoch().count());
  app.add_option("--program", scene.program, "The program extreq")->required();
  app.add_option("--seconds", seconds, "How long")->check(CLI::PositiveNumber);
  app.add_option("--seed", seed, "Of all that is left to chance but the scheduler");
  CLI11_PARSE(app, argc, argv);
  fmt::print("seed {}\n", seed);
  std::fflush(stdout);
  scene.lot.seed(seed);
  // As a host's /run: in memory.
  const auto folder =
      TemporaryDirectory::create("extreq-storm", ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "");
  if (!folder) throw std::runtime_error(folder.error().message);
  scene.platform = folder->path() + "/platform";
  if (const auto made = prepare(scene); !made) throw std::runtime_error(made.error().message);
  Storm storm(scene);
  storm.fetch_all();
  storm.run(std::chrono::seconds(seconds));
  return report(scene, storm);
}

}  // namespace
}  // namespace extreq::storm

int main(int argc, char** argv) {
  try {
    return extreq::storm::main_of(argc, argv);
  } catch (const std::exception& failure) {
    fmt::print(stderr, "extreq_storm: {}\n", failure.what());
    return 2;
  }
}
