// extreq demo: the whole path of extended guest requests in one process.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/try.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/seconds.hpp"
#include "cli/verbs.hpp"
#include "sim/simulation.hpp"

namespace extreq::cli {
namespace {

constexpr std::size_t text_width = 100;
constexpr std::size_t name_width = 12;

struct DemoOptions {
  unsigned vcpus = 4;
  std::uint64_t requests = 1000;
  bool rotate = false;
  bool no_lock = false;
  std::string exit_abi = "merged";
  std::string product = "Milan";
  std::uint64_t seed = 1;
  bool json = false;
  std::string trace;
};

// `text` broken between words, with the lines after the first one indented.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (column != indent && column + 1 + end > text_width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column != indent) {
      out += ' ';
      ++column;
    }
    out += text.substr(0, end);
    column += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<sim::SimulationConfig> config_of(const DemoOptions& options) {
  sim::SimulationConfig config;
  config.vcpus = options.vcpus;
  config.requests = options.requests;
  config.rotate = options.rotate;
  config.lock = !options.no_lock;
  config.exit_abi =
      options.exit_abi == "review" ? hypervisor::ExitAbi::review : hypervisor::ExitAbi::merged;
  config.seed = options.seed;
  EXTREQ_TRY_ASSIGN(config.product, attestation::product_from_name(options.product));
  EXTREQ_TRY_ASSIGN(config.keys, firmware::model::AuthorityKeys::generate());
  return config;
}

Status narrate_one(sim::SimulationConfig config) {
  config.vcpus = 1;
  config.requests = 1;
  config.rotate = false;
  sim::Recorder recorder;
  sim::StepLog steps;
  EXTREQ_TRY(sim::simulate(config, recorder, &steps));
  fmt::print("One extended guest request, step by step:\n\n");
  for (const sim::Step& step : steps.take()) {
    fmt::print("  {:<{}}{}\n", step.who, name_width, wrapped(step.what, name_width + 2));
  }
  fmt::print("\n");
  return {};
}

double microseconds_each(const sim::Recorder& recorder, sim::Stage stage, std::uint64_t count) {
  if (count == 0) return 0;
  return static_cast<double>(recorder.total(stage).count()) / 1000.0 / static_cast<double>(count);
}

void print_totals(const DemoOptions& options, const sim::SimulationResult& result,
                  const sim::Recorder& recorder) {
  fmt::print("{} requests by {} vCPUs in {:.1f} s", result.requests, options.vcpus,
             in_seconds(result.elapsed));
  if (options.rotate) {
    fmt::print(
        "; meanwhile the reported TCB, the signing key and the certificates changed {} times",
        result.rotations);
  }
  fmt::print(".\n\n");
  const auto row = [](std::string_view name, std::uint64_t count, std::string_view meaning) {
    fmt::print("  {:<17}{:>8}   {}\n", name, count, meaning);
  };
  row("genuine", result.genuine, "report and certificates verified by the guest");
  row("mismatches", result.mismatches,
      "report and certificates of one reply do not fit: must be 0");
  row("no certificates", result.no_certificates, "the report came alone");
  row("not genuine", result.not_genuine, "anything else wrong with the evidence");
  row("failures", result.failures, "no report at all");
  row("BUSY", result.busy, "the guest was told to ask again");
  row("retries", result.retries, "the same sealed message sent again");
  if (!result.first_problem.empty()) {
    fmt::print("\nThe first problem: {}\n", wrapped(result.first_problem, name_width));
  }
  fmt::print("\nCPU time for one request, in microseconds:\n\n ");
  for (std::size_t i = 0; i < sim::stage_count; ++i) {
    const auto stage = static_cast<sim::Stage>(i);
    if (stage == sim::Stage::update) continue;
    fmt::print(" {} {:.1f}", name(stage), microseconds_each(recorder, stage, result.requests));
  }
  fmt::print("\n");
  if (result.rotations != 0) {
    fmt::print("\nOne change kept guests waiting for {:.1f} ms at most.\n",
               in_seconds(result.longest_hold) * 1000.0);
  }
}

Document document_of(const DemoOptions& options, const sim::SimulationResult& result,
                     const sim::Recorder& recorder) {
  Document stages = Document::object();
  for (std::size_t i = 0; i < sim::stage_count; ++i) {
    const auto stage = static_cast<sim::Stage>(i);
    stages[name(stage)] = static_cast<double>(recorder.total(stage).count()) / 1e9;
  }
  Document document{{"requests", result.requests},
                    {"mismatches", result.mismatches},
                    {"genuine", result.genuine},
                    {"no_certificates", result.no_certificates},
                    {"not_genuine", result.not_genuine},
                    {"failures", result.failures},
                    {"busy", result.busy},
                    {"retries", result.retries},
                    {"rotations", result.rotations},
                    {"longest_hold_seconds", in_seconds(result.longest_hold)},
                    {"elapsed_seconds", in_seconds(result.elapsed)},
                    {"cpu_seconds", std::move(stages)},
                    {"vcpus", options.vcpus},
                    {"exit_abi", options.exit_abi},
                    {"lock", !options.no_lock}};
  document["first_problem"] = nullptr;
  if (!result.first_problem.empty()) document["first_problem"] = result.first_problem;
  return document;
}

// With the lock nothing may go wrong; without it, while the TCB rotates, something must.
bool as_expected(const DemoOptions& options, const sim::SimulationResult& result) {
  if (options.no_lock && options.rotate) return result.mismatches != 0;
  return result.requests != 0 && result.mismatches == 0 && result.not_genuine == 0 &&
         result.failures == 0;
}

Result<int> run_demo(const DemoOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto config, config_of(options));
  if (!options.json) EXTREQ_TRY(narrate_one(config));
  std::unique_ptr<trace::Trace> trace;
  if (!options.trace.empty()) {
    EXTREQ_TRY_ASSIGN(trace, trace::Trace::create(options.trace));
  }
  sim::Recorder recorder(trace.get());
  EXTREQ_TRY_ASSIGN(const auto result, sim::simulate(config, recorder));
  if (trace) EXTREQ_TRY(trace->finish());
  if (options.json) {
    print_json(document_of(options, result, recorder));
  } else {
    print_totals(options, result, recorder);
    if (!options.trace.empty()) {
      fmt::print("\nTrace written to {}: open it at ui.perfetto.dev.\n", options.trace);
    }
  }
  return as_expected(options, result) ? exit_ok : exit_not_genuine;
}

}  // namespace

void add_demo(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* verb = app.add_subcommand(
      "demo", "Run the whole path of extended guest requests in one process, on a model platform");
  verb->add_option("--vcpus", options->vcpus, "Virtual processors of the guest")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  verb->add_option("--requests", options->requests, "Requests in all")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->capture_default_str();
  verb->add_flag("--rotate", options->rotate,
                 "Change the reported TCB and the certificates all the while");
  verb->add_flag("--no-lock", options->no_lock,
                 "Serve certificates without the lock: with --rotate, mismatches show");
  verb->add_option("--exit-abi", options->exit_abi, "How certificate requests reach the VMM")
      ->check(CLI::IsMember({"merged", "review"}))
      ->capture_default_str();
  verb->add_option("--product", options->product, "Product of the model: Milan, Genoa or Turin")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "Where --no-lock places the changes")
      ->capture_default_str();
  verb->add_flag("--json", options->json, "Print one JSON object");
  verb->add_option("--trace", options->trace, "Write a trace for Perfetto to this file");
  verb->callback([options, &exit_code] {
    const auto result = run_demo(*options);
    if (!result) {
      fmt::print(stderr, "extreq demo: {}\n", result.error().message);
      exit_code = exit_unreadable;
      return;
    }
    exit_code = *result;
  });
}

}  // namespace extreq::cli
