// extreq policy: what does a policy file ask for?
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/policy_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/inputs.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

int run(const std::string& path, bool explain) {
  const auto policy = read_policy(path);
  if (!policy) {
    fmt::print(stderr, "extreq policy: {}\n", policy.error().message);
    return exit_unreadable;
  }
  if (!explain) return exit_ok;
  for (const std::string& sentence : attestation::explain(*policy)) fmt::print("- {}\n", sentence);
  return exit_ok;
}

}  // namespace

void add_policy(CLI::App& app, int& exit_code) {
  auto file = std::make_shared<std::string>();
  CLI::App* const verb = app.add_subcommand("policy", "Check and explain a policy file");
  verb->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, bool explain) {
    CLI::App* const part = verb->add_subcommand(name, what);
    part->add_option("FILE", *file, "The policy, JSON")->required();
    part->callback([file, explain, &exit_code] { exit_code = run(*file, explain); });
  };
  add("explain", "Say in sentences what a report must be", true);
  add("check", "Say nothing if the file is a policy, else what is wrong and where", false);
  verb->footer("Exit: 0 it is a policy, 1 usage, 4 it cannot be read or is none.");
}

}  // namespace extreq::cli
