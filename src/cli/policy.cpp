// extreq policy: what does a policy file ask for?
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/policy_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/inputs.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

int run_explain(const std::string& path) {
  const auto policy = read_policy(path);
  if (!policy) {
    fmt::print(stderr, "extreq policy: {}\n", policy.error().message);
    return exit_unreadable;
  }
  for (const std::string& sentence : attestation::explain(*policy)) fmt::print("- {}\n", sentence);
  return exit_ok;
}

// Every file is read, whatever is wrong with the ones before it.
int run_check(const std::vector<std::string>& paths) {
  int exit_code = exit_ok;
  for (const std::string& path : paths) {
    const auto policy = read_policy(path);
    if (policy) continue;
    fmt::print(stderr, "extreq policy: {}\n", policy.error().message);
    exit_code = exit_unreadable;
  }
  return exit_code;
}

}  // namespace

void add_policy(CLI::App& app, int& exit_code) {
  CLI::App* const verb = app.add_subcommand("policy", "Check and explain a policy file");
  verb->require_subcommand(1);

  auto file = std::make_shared<std::string>();
  CLI::App* const explain =
      verb->add_subcommand("explain", "Say in sentences what a report must be");
  explain->add_option("FILE", *file, "The policy, JSON")->required();
  explain->callback([file, &exit_code] { exit_code = run_explain(*file); });

  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* const check = verb->add_subcommand(
      "check", "Say nothing if each file is a policy, else what is wrong and where");
  check->add_option("FILE", *files, "Policies, JSON")->required();
  check->callback([files, &exit_code] { exit_code = run_check(*files); });

  verb->footer("Exit: 0 each file is a policy, 1 usage, 4 one cannot be read or is none.");
}

}  // namespace extreq::cli
