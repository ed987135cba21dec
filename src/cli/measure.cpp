// extreq measure: the MEASUREMENT that a guest of `extreq boot` with the same options will report.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file_pair.hpp"
#include "base/try.hpp"
#include "cli/boot_options.hpp"
#include "cli/exit_code.hpp"
#include "cli/measure_ovmf.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

struct MeasureOptions {
  GuestArguments guest;
  OvmfArguments ovmf;
  std::string dump;
  bool json = false;
};

// For programs that compute the digest themselves: one line for each page, then its contents.
Status write_pages(const machine::LaunchPlan& plan, const std::string& folder) {
  std::string list;
  Bytes contents;
  EXTREQ_TRY(plan.for_each_page([&](abi::snp::PageType type, std::uint64_t gpa,
                                    machine::LaunchPlan::PageView page) -> Status {
    list += fmt::format("{} {:#x}\n", static_cast<unsigned>(type), gpa);
    contents.insert(contents.end(), page.begin(), page.end());
    return {};
  }));
  const Bytes lines = to_bytes(list);
  return replace_file_pair({folder + "/pages.txt", lines}, {folder + "/pages.bin", contents}, 0644);
}

int run_measure(const MeasureOptions& options) {
  if (!options.ovmf.image.empty()) {
    const auto measured = measure_ovmf(options.ovmf, options.guest.kernel, options.guest.initrd,
                                       options.guest.append, options.json);
    if (!measured) fmt::print(stderr, "extreq measure: {}\n", measured.error().message);
    return measured ? exit_ok : exit_unreadable;
  }
  const auto image = prepare(options.guest);
  if (!image) {
    fmt::print(stderr, "extreq measure: {}\n", image.error().message);
    return exit_unreadable;
  }
  if (!options.dump.empty()) {
    if (const auto written = write_pages(image->plan, options.dump); !written) {
      fmt::print(stderr, "extreq measure: {}\n", written.error().message);
      return exit_unreadable;
    }
  }
  const std::string digest = to_hex(machine::expected_measurement(image->plan));
  if (!options.json) {
    fmt::print("{}\n", digest);
    return exit_ok;
  }
  nlohmann::json regions = nlohmann::json::array();
  for (const auto& region : image->plan.regions) {
    regions.push_back({{"gpa", region.gpa},
                       {"pages", region.page_count},
                       {"type", static_cast<unsigned>(region.type)},
                       {"what", region.what}});
  }
  fmt::print("{}\n", nlohmann::json{{"measurement", digest},
                                    {"kernel", image->kernel.release()},
                                    {"command_line", image->command_line},
                                    {"pages", image->plan.page_count()},
                                    {"regions", regions}}
                         .dump(2));
  return exit_ok;
}

}  // namespace

void add_measure(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<MeasureOptions>();
  CLI::App* verb = app.add_subcommand(
      "measure", "the MEASUREMENT of a guest that `boot` would start with the same options");
  add_guest_arguments(*verb, options->guest);
  add_ovmf_arguments(*verb, options->ovmf);
  verb->add_option("--dump-pages", options->dump,
                   "write the launch's pages to this folder: pages.txt (type, GPA) and pages.bin");
  verb->add_flag("--json", options->json, "one JSON object, with what is measured");
  verb->callback([options, &exit_code] { exit_code = run_measure(*options); });
}

}  // namespace extreq::cli
