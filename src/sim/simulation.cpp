#include "sim/simulation.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "base/try.hpp"
#include "crypto/random.hpp"
#include "hypervisor/vm.hpp"
#include "lease/blob_source.hpp"
#include "sim/evidence_check.hpp"
#include "sim/guest_kernel.hpp"
#include "sim/simulated_guest.hpp"
#include "sim/simulated_host.hpp"
#include "sim/timed_firmware.hpp"
#include "sim/unlocked_source.hpp"
#include "sim/vmm_thread.hpp"
#include "trace/traced_ports.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;

// Between two changes of the TCB: long enough that guests get requests through, short enough that
// a run of seconds sees hundreds of changes.
constexpr auto rotation_pause = 10ms;
constexpr auto rotation_patience = 5s;

// What guests found, added up from all processors.
class Tally {
 public:
  void add(const EvidenceCheck::Opinion& opinion, const guest::Notes& notes) {
    const std::scoped_lock lock(mutex_);
    ++result_.requests;
    result_.busy += notes.busy;
    result_.retries += notes.sends - 1;
    switch (opinion.finding) {
      case EvidenceCheck::Finding::genuine:
        ++result_.genuine;
        return;
      case EvidenceCheck::Finding::no_certificates:
        ++result_.no_certificates;
        break;
      case EvidenceCheck::Finding::mismatch:
        ++result_.mismatches;
        break;
      case EvidenceCheck::Finding::not_genuine:
        ++result_.not_genuine;
        break;
    }
    note_problem(opinion.why);
  }

  void add_failure(const std::string& why) {
    const std::scoped_lock lock(mutex_);
    ++result_.requests;
    ++result_.failures;
    note_problem(why);
  }

  void add_rotation(Clock::Duration held) {
    const std::scoped_lock lock(mutex_);
    ++result_.rotations;
    result_.longest_hold = std::max(result_.longest_hold, held);
  }

  // The first error that ended a part of the simulation early.
  void stop_with(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  [[nodiscard]] Result<SimulationResult> take() {
    const std::scoped_lock lock(mutex_);
    if (error_) return tl::unexpected(*std::move(error_));
    return result_;
  }

 private:
  void note_problem(const std::string& why) {
    if (result_.first_problem.empty()) result_.first_problem = why;
  }

  std::mutex mutex_;
  SimulationResult result_;
  std::optional<Error> error_;
};

// What one processor's guest does from its first instruction to its last.
class GuestProgram {
 public:
  struct Environment {
    SimulatedGuest& guest;
    GuestKernel& kernel;
    const attestation::TrustAnchors& anchors;
    Recorder& recorder;
    Tally& tally;
    StepLog* steps;
  };

  GuestProgram(const Environment& environment, unsigned vcpu, std::uint64_t requests)
      : environment_(environment),
        vcpu_(vcpu),
        requests_(requests),
        track_(fmt::format("vCPU {} guest", vcpu)),
        check_(environment.anchors, system_clock().utc()) {}

  [[nodiscard]] const std::string& track() const noexcept { return track_; }

  void operator()(GuestCpu& cpu) {
    GuestProcessor processor(cpu, environment_.guest.ram(), SimulatedGuest::pages_of(vcpu_));
    if (auto started = processor.start(); !started) {
      environment_.tally.stop_with(std::move(started).error());
      return;
    }
    tell("has started: its GHCB is registered and its pages are shared with the host");
    for (std::uint64_t i = 0; i < requests_; ++i) {
      if (!ask(processor)) return;
    }
  }

 private:
  // False when nothing more can be asked.
  [[nodiscard]] bool ask(GuestProcessor& processor) {
    const std::size_t key = vcpu_ % abi::snp::vmpck_count;
    guest::ReportQuery query;
    query.vmpl = static_cast<std::uint32_t>(key);
    if (auto random = crypto::random_bytes(query.report_data); !random) {
      environment_.tally.stop_with(std::move(random).error());
      return false;
    }
    tell(
        fmt::format("asks for an extended report over 64 bytes of its own choice ({}...), sealed "
                    "under VMPCK{} so that the host can neither read nor change it",
                    to_hex(ByteView(query.report_data).first(4)), key));
    const auto cpu_begin = Recorder::thread_cpu_time();
    const auto evidence = environment_.kernel.extended_report(key, processor, query);
    environment_.recorder.add_time(Stage::guest, Recorder::thread_cpu_time() - cpu_begin);
    if (!evidence) {
      environment_.tally.add_failure(evidence.error().error.message);
      return evidence.error().error.code == Code::busy;
    }
    tell(fmt::format(
        "opens the sealed response: a report of {} bytes, and {} pages with "
        "certificates beside it",
        evidence->report.size(), evidence->certificate_table.size() / hypervisor::guest_page_size));
    EvidenceCheck::Opinion opinion;
    {
      const StageTimer timer(environment_.recorder, Stage::verify, track_, "verify");
      opinion = check_.judge(*evidence, query);
    }
    tell("checks both, from the bytes in its memory alone: " + opinion.why);
    environment_.tally.add(opinion, evidence->notes);
    return true;
  }

  void tell(std::string what) {
    if (environment_.steps != nullptr) environment_.steps->add("guest", std::move(what));
  }

  Environment environment_;
  unsigned vcpu_;
  std::uint64_t requests_;
  std::string track_;
  EvidenceCheck check_;
};

// Changes the reported TCB again and again on a thread of its own.
class Rotation {
 public:
  Rotation(SimulatedHost& host, Recorder& recorder, Tally& tally)
      : host_(host), recorder_(recorder), tally_(tally) {}

  // One change, now. False if it failed.
  bool once() {
    const std::scoped_lock lock(mutex_);
    const StageTimer timer(recorder_, Stage::update, "host update", "change reported TCB");
    auto report = host_.rotate(rotation_patience);
    if (!report) {
      tally_.stop_with(std::move(report).error());
      return false;
    }
    tally_.add_rotation(report->held);
    return true;
  }

  void run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested() && once()) {
      wake.wait_for(lock, stop, rotation_pause, [] { return false; });
    }
  }

 private:
  SimulatedHost& host_;
  Recorder& recorder_;
  Tally& tally_;
  std::mutex mutex_;
};

// One virtual processor with its guest and its VMM loop, in the order in which they are made.
struct Processor {
  std::unique_ptr<GuestThread> guest;
  std::unique_ptr<TracedBackend> backend;
  std::unique_ptr<hypervisor::Vcpu> vcpu;
  std::unique_ptr<VmmThread> vmm;
};

std::unique_ptr<lease::CertificateSource> make_source(const SimulationConfig& config,
                                                      const SimulatedHost& host) {
  if (!config.lock) return std::make_unique<UnlockedSource>(host.blob_path());
  return std::make_unique<lease::BlobSource>(host.blob_path());
}

// For --no-lock: the changes come where they hurt, for requests that the seed chooses.
std::function<void()> rotations_after_copy(const SimulationConfig& config, Rotation& rotation,
                                           unsigned vcpu) {
  if (config.lock || !config.rotate) return {};
  return [&rotation, random = std::mt19937_64(config.seed + vcpu)]() mutable {
    constexpr std::uint64_t one_in = 4;
    if (random() % one_in == 0) rotation.once();
  };
}

std::uint64_t share_of(const SimulationConfig& config, unsigned vcpu) {
  return config.requests / config.vcpus + (vcpu < config.requests % config.vcpus ? 1 : 0);
}

}  // namespace

Result<SimulationResult> simulate(const SimulationConfig& config, Recorder& recorder,
                                  StepLog* steps) {
  if (config.vcpus == 0) return fail(Code::invalid_input, "a guest needs at least one vCPU");
  EXTREQ_TRY_ASSIGN(const auto host, SimulatedHost::create(config.product, config.keys));
  EXTREQ_TRY_ASSIGN(const auto guest, SimulatedGuest::launch(host->processor(), config.vcpus));
  EXTREQ_TRY_ASSIGN(const auto kernel,
                    GuestKernel::start(guest->ram(), SimulatedGuest::secrets_gpa, system_clock()));
  attestation::TrustAnchors anchors;
  EXTREQ_TRY(anchors.add(host->root()));

  firmware::GuestRequests* requests = &host->processor();
  std::optional<trace::TracedRequests> traced;
  if (recorder.trace() != nullptr) requests = &traced.emplace(*requests, *recorder.trace());
  TimedFirmware firmware(*requests, recorder);
  firmware.set_step_log(steps);
  hypervisor::Vm vm({.exit_abi = config.exit_abi}, guest->memory(), firmware, guest->handle());
  if (const int enabled = vm.enable_req_certs(); enabled != 0) {
    return fail(Code::unsupported, "certificate exits cannot be enabled: {}", enabled);
  }
  const auto source = make_source(config, *host);
  vmm::CertificateExit exits(*source,
                             {.reviewed_exit = config.exit_abi == hypervisor::ExitAbi::review});
  Tally tally;
  Rotation rotation(*host, recorder, tally);

  std::vector<Processor> processors(config.vcpus);
  for (unsigned i = 0; i < config.vcpus; ++i) {
    Processor& processor = processors[i];
    GuestProgram program({*guest, *kernel, anchors, recorder, tally, steps}, i,
                         share_of(config, i));
    std::string guest_track = program.track();
    processor.guest = std::make_unique<GuestThread>(std::move(program));
    processor.backend = std::make_unique<TracedBackend>(
        *processor.guest, recorder, std::move(guest_track), fmt::format("vCPU {} hypervisor", i));
    processor.vcpu = vm.create_vcpu(*processor.backend);
    EXTREQ_TRY_ASSIGN(
        processor.vmm,
        VmmThread::create(
            VmmThread::Environment{.vcpu = *processor.vcpu,
                                   .backend = *processor.backend,
                                   .memory = guest->memory(),
                                   .recorder = recorder,
                                   .track = fmt::format("vCPU {} VMM", i),
                                   .steps = steps,
                                   .after_copy = rotations_after_copy(config, rotation, i)},
            exits));
  }

  const auto begin = system_clock().now();
  {
    std::jthread updater;               // ends after the processors
    std::vector<std::jthread> threads;  // joined first
    if (config.rotate && config.lock) {
      updater = std::jthread([&](const std::stop_token& stop) { rotation.run(stop); });
    }
    threads.reserve(processors.size());
    for (Processor& processor : processors) {
      threads.emplace_back([&] {
        auto ran = processor.vmm->run();
        if (ran) return;
        tally.stop_with(std::move(ran).error());
        // Its guest may hold a lock that others wait for.
        processor.guest->stop();
      });
    }
  }
  EXTREQ_TRY_ASSIGN(SimulationResult result, tally.take());
  result.elapsed = system_clock().now() - begin;
  return result;
}

}  // namespace extreq::sim
