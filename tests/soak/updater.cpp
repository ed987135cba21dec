#include "tests/soak/updater.hpp"

#include <algorithm>
#include <random>
#include <thread>

#include "firmware/model/test_guest.hpp"
#include "host/update_plan.hpp"

namespace extreq::soak {
namespace {

using namespace std::chrono_literals;
using firmware::model::must;
using firmware::model::SecureProcessor;

constexpr auto update_interval = 50ms;
constexpr std::uint64_t command_pause_max = 3000;   // microseconds, before and after the change
constexpr std::uint64_t unlocked_gap_max = 20'000;  // the same, without the lock

std::uint64_t microseconds(Clock::Duration duration) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

class Writer {
 public:
  // `sole_writer`: true of all of them; said by every other one, so that readers meet both.
  Writer(const Scene& scene, std::uint64_t seed, bool sole_writer)
      : scene_(scene),
        processor_(must(SecureProcessor::open(scene.platform()))),
        writer_(scene.blob(), {.sole_writer = sole_writer}),
        transaction_(writer_, *processor_,
                     [this](const host::SigningState& state) {
                       return table_of(scene_, state.reported_tcb);
                     }),
        random_(seed) {}

  void publish_current() { note(must(transaction_.publish_current(lock_wait_max))); }

  void change() {
    const std::uint64_t now = must(processor_->platform_status()).reported_tcb;
    std::uint64_t next = now;
    while (next == now) next = scene_.tables.at(random_() % scene_.tables.size()).reported_tcb;
    if (scene_.lock) {
      change_to(next);
    } else {
      must(report_tcb(*processor_, next));
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % unlocked_gap_max));
      publish_current();
    }
    ++scene_.shared->updates;
  }

 private:
  void change_to(std::uint64_t next) {
    SharedState& shared = *scene_.shared;
    const auto pause = [this] { return std::to_string(random_() % command_pause_max); };
    const auto tcb = attestation::decode_tcb(next, attestation::TcbLayout::milan);
    const auto planned =
        host::plan_program({"/proc/self/exe", "--command", scene_.platform(), scene_.counters(),
                            std::to_string(next), pause(), pause()},
                           tcb, signals_);
    const auto watched = [&](const host::PlatformState& before) {
      auto change = planned(before);
      if (change) {
        change->command = [&shared, command = std::move(change->command)](int lock_descriptor) {
          shared.phase = Phase::commanding;
          auto status = command(lock_descriptor);
          shared.phase = Phase::publishing;
          return status;
        };
      }
      return change;
    };
    shared.phase = Phase::preparing;
    note(must(transaction_.run(watched, lock_wait_max)));
    shared.phase = Phase::resting;
  }

  void note(const host::UpdateReport& report) {
    SharedState& shared = *scene_.shared;
    shared.note_longest(shared.longest_wait, microseconds(report.lock_wait.waited));
    shared.note_longest(shared.longest_held, microseconds(report.held));
    for (const auto& error : {report.command_error, report.no_certificates}) {
      if (error) throw std::runtime_error(error->message);
    }
  }

  const Scene& scene_;
  std::unique_ptr<SecureProcessor> processor_;
  lease::BlobWriter writer_;
  host::UpdateTransaction transaction_;
  host::EndingSignals signals_;  // not held: only kill -9 comes here
  std::mt19937_64 random_;
};

}  // namespace

void change_tcb(const Scene& scene, std::uint64_t life) {
  Writer writer(scene, scene.seed * 1'000'003 + life, life % 2 == 1);
  writer.publish_current();
  ++scene.shared->repairs;
  auto next = system_clock().now();
  while (scene.shared->left > 0) {
    writer.change();
    next = std::max(next + update_interval, system_clock().now());
    std::this_thread::sleep_until(next);
  }
}

int run_command(const std::vector<std::string>& arguments) {
  const auto pause = [&](std::size_t index) {
    std::this_thread::sleep_for(std::chrono::microseconds(std::stoull(arguments.at(index))));
  };
  const auto processor = must(SecureProcessor::open(arguments.at(0)));
  SharedState& shared = *must(map_shared_state(arguments.at(1)));
  pause(3);
  must(report_tcb(*processor, std::stoull(arguments.at(2))));
  shared.phase = Phase::changed;
  pause(4);
  return 0;
}

}  // namespace extreq::soak
