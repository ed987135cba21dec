// make_fleet FOLDER CHIPS REPORTS: a fleet of the firmware model's chips under one root, and
// reports of their guests, each with REPORT_DATA of its own: the input of `extreq verify --batch`
// for measurements.
//
// Writes FOLDER/ark.der, FOLDER/leaves/ (the VCEKs, the ASK, the ARK) and FOLDER/reports (one after
// the other, chip after chip in turn).
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include <fmt/format.h>

#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "bench/bench_evidence.hpp"

namespace extreq::bench {
namespace {

struct Chip {
  Platform platform;
  message::Requester requester;
};

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "make_fleet: {}\n", why);
  std::exit(EXIT_FAILURE);
}

void write(const std::filesystem::path& path, ByteView content) {
  constexpr unsigned mode = 0644;
  if (const auto written = replace_file(path, content, mode); !written) {
    give_up(written.error().message);
  }
}

std::vector<Chip> make_chips(std::size_t count) {
  firmware::model::Installation installation;
  auto keys = firmware::model::AuthorityKeys::generate();
  if (!keys) give_up(keys.error().message);
  installation.keys = *std::move(keys);
  std::vector<Chip> chips;
  chips.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Platform platform = make_platform(installation);
    message::Requester requester(platform.vmpck0.clone(), 0);
    chips.push_back({std::move(platform), std::move(requester)});
  }
  return chips;
}

void write_certificates(const std::filesystem::path& folder, std::vector<Chip>& chips) {
  std::filesystem::create_directories(folder / "leaves");
  auto& first = chips.front().platform.processor->kds();
  write(folder / "ark.der", first.ark().der());
  write(folder / "leaves/ark.der", first.ark().der());
  write(folder / "leaves/ask.der", first.ask().der());
  for (std::size_t i = 0; i < chips.size(); ++i) {
    const auto tcb = firmware::model::usual_firmware(first.product()).tcb;
    const auto leaf = chips[i].platform.processor->kds().vcek(tcb);
    if (!leaf) give_up(leaf.error().message);
    write(folder / fmt::format("leaves/vcek-{}.der", i), leaf->der());
  }
}

void write_reports(const std::filesystem::path& folder, std::vector<Chip>& chips,
                   std::uint64_t count) {
  std::ofstream file(folder / "reports", std::ios::binary | std::ios::trunc);
  for (std::uint64_t i = 0; i < count; ++i) {
    Chip& chip = chips[i % chips.size()];
    abi::snp::ReportRequest request;
    const Bytes number = ByteBuilder().u64(i).take();
    std::ranges::copy(number, request.report_data.begin());
    const Bytes report = report_from(chip.platform, chip.requester, request);
    for (const std::uint8_t byte : report) file.put(static_cast<char>(byte));
  }
  if (!file.flush()) give_up("the reports could not be written");
}

}  // namespace
}  // namespace extreq::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: make_fleet FOLDER CHIPS REPORTS\n", stderr);
    return EXIT_FAILURE;
  }
  const std::filesystem::path folder(argv[1]);
  const std::size_t chip_count = std::strtoul(argv[2], nullptr, 10);
  const std::uint64_t report_count = std::strtoul(argv[3], nullptr, 10);
  if (chip_count == 0) extreq::bench::give_up("CHIPS is no number above 0");
  auto chips = extreq::bench::make_chips(chip_count);
  extreq::bench::write_certificates(folder, chips);
  extreq::bench::write_reports(folder, chips, report_count);
  return EXIT_SUCCESS;
}
