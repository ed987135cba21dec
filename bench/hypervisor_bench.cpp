// What the hypervisor's half costs for one exit of the guest, by kind of event: the firmware
// answers at once and the guest's own time is next to nothing.
#include <cerrno>
#include <functional>

#include <benchmark/benchmark.h>

#include "base/byte_builder.hpp"
#include "hypervisor/guest_ghcb.hpp"
#include "hypervisor/vm.hpp"

namespace extreq::bench {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;

constexpr std::uint64_t ghcb_gpa = 0x1000;
constexpr std::uint64_t request_gpa = 0x2000;
constexpr std::uint64_t response_gpa = 0x3000;
constexpr std::size_t memory_size = 0x4000;

// Exits in one entry of user space, so that entering is not what is measured.
constexpr std::size_t exits_per_run = 64;

// A guest that registers its GHCB, then leaves with the same request again and again, and after
// `exits_per_run` of them for a kick.
class RepeatingGuest final : public hypervisor::VcpuBackend {
 public:
  // Prepares the GHCB page and gives the value for the GHCB MSR.
  using Request = std::function<std::uint64_t(hypervisor::GuestGhcb& page)>;

  RepeatingGuest(MutableByteView memory, Request request)
      : ghcb_(memory.subspan<ghcb_gpa, ghcb::page_size>(), ghcb_gpa),
        request_(std::move(request)) {}

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t /*ghcb_msr*/) override {
    if (!registered_) {
      registered_ = true;
      return hypervisor::Vmgexit{
          ghcb::msr::encode_register_gpa_request(ghcb_gpa >> ghcb::page_shift)};
    }
    if (exits_++ % (exits_per_run + 1) == exits_per_run) return hypervisor::Interrupted{};
    return hypervisor::Vmgexit{request_(ghcb_)};
  }

 private:
  hypervisor::GuestGhcb ghcb_;
  Request request_;
  bool registered_ = false;
  std::size_t exits_ = 0;
};

class InstantFirmware final : public firmware::GuestRequests {
 public:
  [[nodiscard]] Result<snp::CommandStatus> guest_request(
      firmware::GuestHandle, std::span<const std::uint8_t, snp::page_size>,
      std::span<std::uint8_t, snp::page_size>) override {
    return snp::CommandStatus::success;
  }
};

void repeat(benchmark::State& state, const RepeatingGuest::Request& request) {
  Bytes bytes(memory_size);
  snp::MessageHeader header;
  header.msg_type = static_cast<std::uint8_t>(snp::MessageType::report_req);
  const Bytes message = ByteBuilder().object(header).take();
  std::copy(message.begin(), message.end(), bytes.begin() + request_gpa);

  hypervisor::GuestMemory memory;
  if (!memory.add_region(0, bytes, hypervisor::PageState::shared)) {
    return state.SkipWithError("add_region");
  }
  InstantFirmware firmware;
  RepeatingGuest guest(bytes, request);
  hypervisor::Vm vm({}, memory, firmware, {});
  const auto vcpu = vm.create_vcpu(guest);
  for (auto _ : state) {
    if (vcpu->run() != -EINTR) return state.SkipWithError(vcpu->last_failure().c_str());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(exits_per_run));
}

void MsrHypervisorFeatures(benchmark::State& state) {
  repeat(state, [](hypervisor::GuestGhcb&) {
    return ghcb::msr::compose(ghcb::msr::info_hypervisor_features_request, 0);
  });
}
BENCHMARK(MsrHypervisorFeatures);

void EventHypervisorFeatures(benchmark::State& state) {
  repeat(state, [](hypervisor::GuestGhcb& page) {
    page.begin(ghcb::event::hypervisor_features, 0, 0);
    return page.gpa();
  });
}
BENCHMARK(EventHypervisorFeatures);

void EventGuestRequest(benchmark::State& state) {
  repeat(state, [](hypervisor::GuestGhcb& page) {
    page.begin(ghcb::event::guest_request, request_gpa, response_gpa);
    return page.gpa();
  });
}
BENCHMARK(EventGuestRequest);

// Without enable_req_certs() the kernel answers alone, with an empty table.
void EventExtendedGuestRequestWithoutExit(benchmark::State& state) {
  repeat(state, [](hypervisor::GuestGhcb& page) {
    page.begin(ghcb::event::extended_guest_request, request_gpa, response_gpa);
    page.set(offsetof(abi::ghcb::Page, rax), 0);
    page.set(offsetof(abi::ghcb::Page, rbx), 1);
    return page.gpa();
  });
}
BENCHMARK(EventExtendedGuestRequestWithoutExit);

void EventMalformed(benchmark::State& state) {
  repeat(state, [](hypervisor::GuestGhcb& page) {
    page.begin(ghcb::event::guest_request, request_gpa + 1, response_gpa);
    return page.gpa();
  });
}
BENCHMARK(EventMalformed);

}  // namespace
}  // namespace extreq::bench
