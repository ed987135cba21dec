#include "fleet/simulation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <unordered_set>

#include <fmt/format.h>

#include "base/try.hpp"
#include "fleet/fetch_scheduler.hpp"
#include "fleet/simulated_service.hpp"

namespace extreq::fleet {
namespace {

// The standard library's distributions differ between implementations; its engines do not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] double uniform() {  // in (0, 1)
    return (static_cast<double>(engine_() >> 11U) + 0.5) * 0x1p-53;
  }
  [[nodiscard]] Clock::Duration exponential(Clock::Duration mean) {
    return std::chrono::duration_cast<Clock::Duration>(-std::log(uniform()) *
                                                       std::chrono::duration<double>(mean));
  }

 private:
  std::mt19937_64 engine_;
};

struct Host {
  std::uint32_t missing = 0;                      // certificates that verifiers still lack
  std::optional<Clock::TimePoint> refused_since;  // its first guest without a certificate
};

class Run {
 public:
  explicit Run(const SimulationConfig& config)
      : config_(config),
        start_(clock_.now() + (prefetches() ? config.lead : Clock::Duration::zero())),
        service_(config, clock_, start_),
        random_(config.seed),
        ledger_(clock_),
        scheduler_(
            ledger_, [this](const std::string& item) { return stored_.contains(item); },
            scheduler_options()),
        hosts_(config.hosts),
        verifiers_(config.strategy == Strategy::on_demand ? config.verifiers : 1) {
    for (Host& host : hosts_) host.missing = verifiers_;
    route_scheduled_.resize(config.routes);
  }

  Result<SimulationResult> run();

 private:
  using Action = std::function<Status()>;
  struct Event {
    Clock::TimePoint at;
    std::uint64_t order;  // events of one moment happen in the order in which they were planned
    Action action;
    friend bool operator>(const Event& a, const Event& b) {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };

  [[nodiscard]] bool prefetches() const { return config_.strategy == Strategy::prefetch; }
  [[nodiscard]] FetchScheduler::Options scheduler_options();
  void plan(Clock::TimePoint at, Action action) { events_.push({at, order_++, std::move(action)}); }
  void plan_route(std::uint32_t route, Clock::TimePoint at);
  void wake_routes();
  [[nodiscard]] Status drive(std::uint32_t route);
  [[nodiscard]] Status answered(std::uint32_t route, const std::string& item);
  void arrived(const std::string& item);

  void plan_stage(std::uint32_t stage);
  [[nodiscard]] std::uint32_t first_of(std::uint32_t stage) const {
    return static_cast<std::uint32_t>(std::uint64_t{config_.hosts} * stage / config_.stages);
  }
  [[nodiscard]] bool stage_ready(std::uint32_t stage) const;
  void update_stage(std::uint32_t stage);
  void try_gate();
  void plan_guest(std::uint32_t host);
  void first_guest(std::uint32_t host);
  void count_refused(const Host& host);

  const SimulationConfig& config_;
  ManualClock clock_;
  Clock::TimePoint start_;
  SimulatedService service_;
  Random random_;
  MemoryLedger ledger_;
  std::unordered_set<std::string> stored_;
  FetchScheduler scheduler_;
  std::vector<Host> hosts_;
  std::uint32_t verifiers_;

  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::uint64_t order_ = 0;
  std::vector<std::optional<Clock::TimePoint>> route_scheduled_;  // its next planned drive
  std::uint32_t updated_ = 0;
  std::uint32_t ready_ = 0;
  std::optional<std::uint32_t> gated_stage_;  // waits for its certificates
  SimulationResult result_;
};

FetchScheduler::Options Run::scheduler_options() {
  FetchScheduler::Options options;
  options.owner = "simulation";
  for (std::uint32_t route = 0; route < config_.routes; ++route) {
    options.routes.push_back({std::to_string(route), config_.interval, config_.burst});
  }
  options.clock = &clock_;
  return options;
}

std::string item_name(std::uint32_t host, std::uint32_t verifier) {
  return fmt::format("{}/{}", host, verifier);
}

void Run::plan_route(std::uint32_t route, Clock::TimePoint at) {
  auto& scheduled = route_scheduled_[route];
  if (scheduled && *scheduled <= at) return;
  scheduled = at;
  plan(at, [this, route, at]() -> Status {
    if (route_scheduled_[route] != at) return {};  // an earlier one took its place
    route_scheduled_[route].reset();
    return drive(route);
  });
}

void Run::wake_routes() {
  for (std::uint32_t route = 0; route < config_.routes; ++route) plan_route(route, clock_.now());
}

Status Run::drive(std::uint32_t route) {
  EXTREQ_TRY_ASSIGN(const auto step, scheduler_.next(route));
  if (step.kind == FetchScheduler::Step::Kind::wait) plan_route(route, clock_.now() + step.pause);
  if (step.kind == FetchScheduler::Step::Kind::fetch) {
    plan(clock_.now() + config_.latency,
         [this, route, item = step.item] { return answered(route, item); });
  }
  return {};
}

Status Run::answered(std::uint32_t route, const std::string& item) {
  ++result_.upstream_requests;
  const auto answer = service_.ask(route);
  Outcome outcome{Outcome::Kind::again, SimulatedService::retry_after};
  if (answer == SimulatedService::Answer::limited) ++result_.upstream_limited;
  if (answer == SimulatedService::Answer::away) ++result_.upstream_outages;
  if (answer == SimulatedService::Answer::certificate) {
    outcome = {Outcome::Kind::stored, {}};
    stored_.insert(item);
  }
  EXTREQ_TRY(scheduler_.finished(item, route, outcome));
  if (answer == SimulatedService::Answer::certificate) arrived(item);
  plan_route(route, clock_.now());
  return {};
}

void Run::arrived(const std::string& item) {
  Host& host = hosts_[std::stoul(item)];  // the part before the slash
  if (--host.missing > 0) return;
  ++ready_;
  count_refused(host);
  if (gated_stage_) try_gate();
}

bool Run::stage_ready(std::uint32_t stage) const {
  for (std::uint32_t host = first_of(stage); host < first_of(stage + 1); ++host) {
    if (hosts_[host].missing > 0) return false;
  }
  return true;
}

// Each stage begins stage_gap after the one before it did, or when its certificates are there.
void Run::plan_stage(std::uint32_t stage) {
  const Clock::TimePoint at =
      stage == 0 ? start_ : std::max(clock_.now(), start_) + config_.stage_gap;
  plan(at, [this, stage]() -> Status {
    if (config_.gated) {
      gated_stage_ = stage;
      try_gate();
    } else {
      update_stage(stage);
    }
    return {};
  });
}

void Run::try_gate() {
  const std::uint32_t stage = *gated_stage_;
  if (!stage_ready(stage)) return;
  gated_stage_.reset();
  update_stage(stage);
}

void Run::update_stage(std::uint32_t stage) {
  for (std::uint32_t host = first_of(stage); host < first_of(stage + 1); ++host) {
    ++updated_;
    if (hosts_[host].missing > 0) plan_guest(host);
  }
  result_.rolled_out = clock_.now() - start_;
  if (stage + 1 < config_.stages) plan_stage(stage + 1);
}

// The first guest of an updated host asks for its certificate.
void Run::plan_guest(std::uint32_t host) {
  plan(clock_.now() + random_.exponential(config_.guest_interval), [this, host]() -> Status {
    first_guest(host);
    return {};
  });
}

// A host that is ready by then is of no interest any more.
void Run::first_guest(std::uint32_t host) {
  if (hosts_[host].missing == 0) return;
  hosts_[host].refused_since = clock_.now();
  for (std::uint32_t verifier = 0; verifier < verifiers_; ++verifier) {
    scheduler_.want(item_name(host, verifier), Urgency::demand);
  }
  wake_routes();
}

// The guests between the first one and now. They change nothing, so that they need no events.
void Run::count_refused(const Host& host) {
  if (!host.refused_since) return;
  for (auto at = *host.refused_since; at < clock_.now();
       at += random_.exponential(config_.guest_interval)) {
    ++result_.guests_refused;
  }
}

Result<SimulationResult> Run::run() {
  if (prefetches()) {
    for (std::uint32_t host = 0; host < config_.hosts; ++host) {
      scheduler_.want(item_name(host, 0), Urgency::prefetch);
    }
    wake_routes();
  }
  plan_stage(0);
  while ((ready_ < config_.hosts || updated_ < config_.hosts) && !events_.empty()) {
    const Event event = events_.top();
    events_.pop();
    clock_.advance(event.at - clock_.now());
    EXTREQ_TRY(event.action());
  }
  result_.all_verifiable = std::max(clock_.now() - start_, Clock::Duration::zero());
  return std::move(result_);
}

Status check(const SimulationConfig& config) {
  if (config.hosts == 0 || config.hosts > 10'000'000) {
    return fail(Code::invalid_input, "hosts: {}, wanted 1 to 10000000", config.hosts);
  }
  if (config.routes == 0 || config.routes > 10'000) {
    return fail(Code::invalid_input, "routes: {}, wanted 1 to 10000", config.routes);
  }
  if (config.verifiers == 0 || config.verifiers > 1000) {
    return fail(Code::invalid_input, "verifiers: {}, wanted 1 to 1000", config.verifiers);
  }
  if (config.stages == 0 || config.stages > 100 || config.stages > config.hosts) {
    return fail(Code::invalid_input, "stages: {}, wanted 1 to 100, no more than hosts",
                config.stages);
  }
  if (config.guest_interval <= Clock::Duration::zero()) {
    return fail(Code::invalid_input, "guest interval: wanted more than zero");
  }
  // A gated stage of a strategy that begins with its guests would wait for ever.
  if (config.gated && config.strategy != Strategy::prefetch) {
    return fail(Code::invalid_input, "gated: only prefetch fetches before there are guests");
  }
  return {};
}

}  // namespace

Result<SimulationResult> simulate(const SimulationConfig& config) {
  EXTREQ_TRY(check(config));
  return Run(config).run();
}

Clock::Duration closed_formula(const SimulationConfig& config) {
  const std::uint64_t verifiers = config.strategy == Strategy::on_demand ? config.verifiers : 1;
  const std::uint64_t items = std::uint64_t{config.hosts} * verifiers;
  const std::uint64_t on_last_route = (items + config.routes - 1) / config.routes;
  const std::uint64_t intervals =
      on_last_route - std::min<std::uint64_t>(on_last_route, config.burst);
  return static_cast<Clock::Duration::rep>(intervals) * config.interval + config.latency;
}

}  // namespace extreq::fleet
