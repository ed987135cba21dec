// What a host, or whoever knows the fleet's token, tells the mirror: host::parse_host_report(). And
// what a host's own report says of the platform: the first byte chooses.
#include "host/host_report.hpp"

#include "fuzz/input.hpp"

namespace extreq::fuzz {
namespace {

class Platform final : public firmware::Platform {
 public:
  explicit Platform(Input& input) : input_(input) {}

  firmware::CommandResult<abi::snp::PlatformStatus> platform_status() override {
    if (input_.u8() == 0xFF) return tl::unexpected(refused_);
    abi::snp::PlatformStatus status;
    status.reported_tcb = input_.u64();
    status.current_tcb = input_.u64();
    status.flags = input_.u32();
    return status;
  }
  firmware::CommandResult<firmware::ChipId> get_id() override {
    firmware::ChipId id{};
    std::ranges::copy(input_.bytes(input_.below(id.size() + 1)), id.begin());
    return id;
  }
  firmware::CommandResult<void> commit() override { return tl::unexpected(refused_); }
  firmware::CommandResult<void> set_config(const abi::snp::Config&) override {
    return tl::unexpected(refused_);
  }
  firmware::CommandResult<void> vlek_load(const abi::snp::WrappedVlek&) override {
    return tl::unexpected(refused_);
  }
  [[nodiscard]] firmware::CpuSignature cpu() const override { return cpu_; }

 private:
  Input& input_;
  firmware::CpuSignature cpu_{input_.u8(), input_.u8(), 0};
  firmware::CommandFailure refused_{std::nullopt, "no firmware"};
};

void require_one_line(const host::HostReport& report) {
  const std::string line = host::to_line(report);
  require(line.size() <= host::host_report_max, "a report has its bounds");
  require(line.find('\n') == line.size() - 1, "a report is one line");
  require(host::parse_host_report(line) == report, "what was written is read as the same");
}

void foreign_line(ByteView bytes) {
  const auto report = host::parse_host_report(std::string(bytes.begin(), bytes.end()));
  if (report) {
    require_one_line(*report);
    return;
  }
  require(!report.error().message.empty(), "a failure has words");
  require(report.error().code == Code::invalid_input || report.error().code == Code::unsupported,
          "its only failures");
}

void own_platform(Input& input) {
  Platform platform(input);
  const auto report = host::read_host_report(platform);
  if (report) {
    require_one_line(*report);
  } else {
    require(!report.error().message.empty(), "a failure has words");
  }
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  extreq::fuzz::Input input(data, size);
  if (input.flag()) {
    extreq::fuzz::own_platform(input);
  } else {
    extreq::fuzz::foreign_line(input.rest());
  }
  return 0;
}
