// One extended guest request on the host's side: hypervisor and VMM alone, with a firmware that
// answers at once, for each source of certificates; and with the firmware model.
#include <cerrno>

#include <benchmark/benchmark.h>

#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "bench/bench_evidence.hpp"
#include "hypervisor/guest_ghcb.hpp"
#include "hypervisor/vm.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"
#include "lease/memory_source.hpp"
#include "vmm/certificate_exit.hpp"

namespace extreq::bench {
namespace {

using namespace std::chrono_literals;
namespace ghcb = abi::ghcb;
namespace snp = abi::snp;

constexpr std::uint64_t ghcb_gpa = 0x1000;
constexpr std::uint64_t request_gpa = 0x2000;
constexpr std::uint64_t response_gpa = 0x3000;
constexpr std::uint64_t certificates_gpa = 0x4000;
constexpr std::uint64_t certificate_pages = 4;
constexpr std::size_t memory_size = 0x8000;

// A guest that registers its GHCB and then asks for extended reports for ever.
class AskingGuest final : public hypervisor::VcpuBackend {
 public:
  explicit AskingGuest(MutableByteView memory)
      : memory_(memory), ghcb_(memory.subspan<ghcb_gpa, ghcb::page_size>(), ghcb_gpa) {}

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t /*ghcb_msr*/) override {
    if (!registered_) {
      registered_ = true;
      return hypervisor::Vmgexit{
          ghcb::msr::encode_register_gpa_request(ghcb_gpa >> ghcb::page_shift)};
    }
    if (asking_) finish_request();
    if (requester_ != nullptr) begin_request();
    if (failed_) return hypervisor::Shutdown{};
    asking_ = true;
    ghcb_.begin(ghcb::event::extended_guest_request, request_gpa, response_gpa);
    ghcb_.set(offsetof(abi::ghcb::Page, rax), certificates_gpa);
    ghcb_.set(offsetof(abi::ghcb::Page, rbx), certificate_pages);
    return hypervisor::Vmgexit{ghcb_gpa};
  }

  // Real sealed messages from here on; otherwise one plain header serves for ever.
  void use(message::Requester& requester) { requester_ = &requester; }
  void place_plain_request() {
    snp::MessageHeader header;
    header.msg_type = static_cast<std::uint8_t>(snp::MessageType::report_req);
    const Bytes bytes = ByteBuilder().object(header).take();
    std::copy(bytes.begin(), bytes.end(), memory_.begin() + request_gpa);
  }
  // Opens the response to the last request, as the guest does when it runs again.
  void finish_request() {
    if (requester_ == nullptr) return;
    message::Page response;
    std::copy_n(memory_.begin() + response_gpa, response.size(), response.begin());
    failed_ |= !requester_->open_response(response);
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  void begin_request() {
    const Bytes payload = ByteBuilder().object(snp::ReportRequest{}).take();
    failed_ |= !requester_->seal(snp::MessageType::report_req, snp::message_version_1, payload);
    if (failed_) return;
    const auto page = *requester_->pending();
    std::copy(page.begin(), page.end(), memory_.begin() + request_gpa);
  }
  MutableByteView memory_;
  hypervisor::GuestGhcb ghcb_;
  message::Requester* requester_ = nullptr;
  bool registered_ = false;
  bool asking_ = false;
  bool failed_ = false;
};

class InstantFirmware final : public firmware::GuestRequests {
 public:
  [[nodiscard]] Result<snp::CommandStatus> guest_request(
      firmware::GuestHandle, std::span<const std::uint8_t, snp::page_size>,
      std::span<std::uint8_t, snp::page_size>) override {
    return snp::CommandStatus::success;
  }
};

// One iteration: the exit, the certificates, the completion.
void serve(benchmark::State& state, lease::CertificateSource& source,
           firmware::GuestRequests& firmware, firmware::GuestHandle handle,
           message::Requester* requester) {
  Bytes bytes(memory_size);
  hypervisor::GuestMemory memory;
  if (!memory.add_region(0, bytes, hypervisor::PageState::shared)) {
    state.SkipWithError("add_region");
    return;
  }
  AskingGuest guest(bytes);
  if (requester != nullptr) {
    guest.use(*requester);
  } else {
    guest.place_plain_request();
  }
  hypervisor::Vm vm({}, memory, firmware, handle);
  if (vm.enable_req_certs() != 0) state.SkipWithError("enable_req_certs");
  const auto vcpu = vm.create_vcpu(guest);
  vmm::CertificateExit exits(source);
  auto exit = exits.create_vcpu([&vcpu] { return vcpu->run(); });
  if (!exit) {
    state.SkipWithError(exit.error().message.c_str());
    return;
  }
  vmm::WriterTo writer(memory);
  for (auto _ : state) {
    const bool asked = vcpu->run() == 0;
    const int completed = asked ? (*exit)->handle(vcpu->run_area(), writer) : 0;
    const bool served = (*exit)->answer() == vmm::Served::certificates;
    if (!served || completed != -EINTR || guest.failed()) {
      state.SkipWithError("a request was not served");
      return;
    }
  }
  guest.finish_request();
  state.SetItemsProcessed(state.iterations());
}

Bytes table() { return platform().processor->certificate_table().value(); }

void FromMemory(benchmark::State& state) {
  lease::MemorySource source(table());
  InstantFirmware firmware;
  serve(state, source, firmware, {}, nullptr);
}
BENCHMARK(FromMemory);

// `keep`: the state page lets readers keep their copy. Otherwise the blob is a foreign writer's.
void from_blob(benchmark::State& state, bool keep) {
  const auto directory = TemporaryDirectory::create("extreq-bench");
  if (!directory) return state.SkipWithError("no temporary folder");
  const std::string path = directory->path() + "/host.blob";
  {
    lease::BlobWriter writer(path, {.sole_writer = keep});
    auto update = writer.begin(1s);
    if (!update || !update->publish(table())) return state.SkipWithError("publish");
  }
  lease::BlobSource source(path);
  InstantFirmware firmware;
  serve(state, source, firmware, {}, nullptr);
}
void FromBlobOfAnyWriter(benchmark::State& state) { from_blob(state, false); }
BENCHMARK(FromBlobOfAnyWriter);
void FromBlobWithStatePage(benchmark::State& state) { from_blob(state, true); }
BENCHMARK(FromBlobWithStatePage);

// The firmware model alone, with the guest's half of the messages.
void FirmwareModelAlone(benchmark::State& state) {
  Platform& model = platform();  // its RSA keys are not what is measured
  message::Requester& guest = requester();
  for (auto _ : state) benchmark::DoNotOptimize(report_from(model, guest));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FirmwareModelAlone)->Unit(benchmark::kMicrosecond);

// Guest, hypervisor, VMM and firmware model: seal, exit, copy, open, sign, seal, open.
void WithFirmwareModel(benchmark::State& state) {
  lease::MemorySource source(table());
  serve(state, source, *platform().processor, platform().guest, &requester());
}
BENCHMARK(WithFirmwareModel)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace extreq::bench
