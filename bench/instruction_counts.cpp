// instruction_counts WORKLOAD TIMES: does one thing TIMES times, for callgrind to count
// instructions (bench/instruction_counts_test.py). Only the repetitions are collected, and before
// them the thing is done once, so that nothing is counted that happens once. Without arguments it
// lists what it can do.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include <fmt/format.h>
#include <valgrind/callgrind.h>

#include "attestation/certificate_table.hpp"
#include "attestation/verification.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "bench/bench_evidence.hpp"
#include "firmware/model/test_authority.hpp"
#include "hypervisor/guest_ghcb.hpp"
#include "hypervisor/vm.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"

namespace extreq::bench {
namespace {

using namespace std::chrono_literals;
namespace ghcb = abi::ghcb;
namespace snp = abi::snp;

using Times = std::size_t;

void need(bool done, const char* what) {
  if (done) return;
  fmt::print(stderr, "instruction_counts: {} failed\n", what);
  std::exit(EXIT_FAILURE);
}

Platform platform_with_kept_keys() {
  firmware::model::Installation installation;
  installation.keys = firmware::model::test_authority_keys();
  return make_platform(installation);
}

struct Scene {
  Platform platform = platform_with_kept_keys();
  message::Requester requester{platform.vmpck0.clone(), 0};
  Bytes report = report_from(platform, requester);
  Bytes table = platform.processor->certificate_table().value();
};

template <class Thing>
void repeat(Times times, const Thing& thing) {
  thing();
  CALLGRIND_TOGGLE_COLLECT;
  for (Times i = 0; i < times; ++i) thing();
  CALLGRIND_TOGGLE_COLLECT;
}

void parse_report(Scene& scene, Times times) {
  repeat(times,
         [&] { need(attestation::Report::parse(scene.report).has_value(), "Report::parse"); });
}

void parse_table(Scene& scene, Times times) {
  repeat(times, [&] {
    need(attestation::CertificateTable::parse(scene.table).has_value(), "CertificateTable::parse");
  });
}

// Table, three certificates, three RSA signatures, one ECDSA signature.
void verify_one_shot(Scene& scene, Times times) {
  attestation::TrustAnchors anchors;
  need(anchors.add(scene.platform.processor->kds().ark()).has_value(), "TrustAnchors::add");
  const auto now = system_clock().utc();
  repeat(times, [&] {
    const auto report = attestation::Report::parse(scene.report).value();
    const auto table = attestation::CertificateTable::parse(scene.table).value();
    const auto certificates = attestation::certificates_of(table).value();
    const auto verification = attestation::verify({.report = report,
                                                   .certificates = certificates,
                                                   .anchors = anchors,
                                                   .at = now,
                                                   .expectations = {}});
    need(verification.verdict == attestation::Verdict::genuine, "verify");
  });
}

// A sealed request, the firmware model's work, a sealed response opened.
void model_report(Scene& scene, Times times) {
  repeat(times,
         [&] { need(!report_from(scene.platform, scene.requester).empty(), "report_from"); });
}

void lease_from_blob(Scene& scene, Times times, bool keep_copies) {
  const auto directory = TemporaryDirectory::create("extreq-counts");
  need(directory.has_value(), "a temporary folder");
  const std::string path = directory->path() + "/host.blob";
  lease::BlobWriter writer(path, {.sole_writer = keep_copies});
  {
    auto update = writer.begin(1s);
    need(update && update->publish(scene.table), "publish");
  }
  lease::BlobSource source(path);
  auto holder = source.open_holder();
  need(holder.has_value(), "open_holder");
  repeat(times, [&] {
    need((*holder)->acquire(1s).has_value(), "acquire");
    (*holder)->release();
  });
}
void lease_from_any_blob(Scene& scene, Times times) { lease_from_blob(scene, times, false); }
void lease_with_state_page(Scene& scene, Times times) { lease_from_blob(scene, times, true); }

// A guest that registers its GHCB, and then asks for a report before each kick.
class AskingGuest final : public hypervisor::VcpuBackend {
 public:
  static constexpr std::uint64_t ghcb_gpa = 0x1000;
  static constexpr std::uint64_t request_gpa = 0x2000;
  static constexpr std::uint64_t response_gpa = 0x3000;
  static constexpr std::size_t memory_size = 0x4000;

  explicit AskingGuest(MutableByteView memory)
      : ghcb_(memory.subspan<ghcb_gpa, ghcb::page_size>(), ghcb_gpa) {
    snp::MessageHeader header;
    header.msg_type = static_cast<std::uint8_t>(snp::MessageType::report_req);
    const Bytes message = ByteBuilder().object(header).take();
    std::copy(message.begin(), message.end(), memory.begin() + request_gpa);
  }

  [[nodiscard]] Result<hypervisor::GuestExit> enter(std::uint64_t /*ghcb_msr*/) override {
    if (!registered_) {
      registered_ = true;
      return hypervisor::Vmgexit{
          ghcb::msr::encode_register_gpa_request(ghcb_gpa >> ghcb::page_shift)};
    }
    asking_ = !asking_;
    if (!asking_) return hypervisor::Interrupted{};
    ghcb_.begin(ghcb::event::guest_request, request_gpa, response_gpa);
    return hypervisor::Vmgexit{ghcb_.gpa()};
  }

 private:
  hypervisor::GuestGhcb ghcb_;
  bool registered_ = false;
  bool asking_ = false;
};

class InstantFirmware final : public firmware::GuestRequests {
 public:
  [[nodiscard]] Result<snp::CommandStatus> guest_request(
      firmware::GuestHandle, std::span<const std::uint8_t, snp::page_size>,
      std::span<std::uint8_t, snp::page_size>) override {
    return snp::CommandStatus::success;
  }
};

void guest_request_event(Scene& /*scene*/, Times times) {
  Bytes bytes(AskingGuest::memory_size);
  hypervisor::GuestMemory memory;
  need(memory.add_region(0, bytes, hypervisor::PageState::shared).has_value(), "add_region");
  InstantFirmware firmware;
  AskingGuest guest(bytes);
  hypervisor::Vm vm({}, memory, firmware, {});
  const auto vcpu = vm.create_vcpu(guest);
  repeat(times, [&] { need(vcpu->run() == -EINTR, "Vcpu::run"); });
}

const std::map<std::string, std::function<void(Scene&, Times)>>& workloads() {
  static const std::map<std::string, std::function<void(Scene&, Times)>> all = {
      {"guest_request_event", guest_request_event},
      {"lease_from_any_blob", lease_from_any_blob},
      {"lease_with_state_page", lease_with_state_page},
      {"model_report", model_report},
      {"parse_report", parse_report},
      {"parse_table", parse_table},
      {"verify_one_shot", verify_one_shot},
  };
  return all;
}

int run(std::span<char* const> arguments) {
  if (arguments.empty()) {
    for (const auto& [name, function] : workloads()) fmt::print("{}\n", name);
    return EXIT_SUCCESS;
  }
  const auto found = workloads().find(arguments[0]);
  if (found == workloads().end() || arguments.size() != 2) {
    fmt::print(stderr, "instruction_counts: WORKLOAD TIMES, where WORKLOAD is one of the list\n");
    return EXIT_FAILURE;
  }
  Scene scene;
  found->second(scene, std::stoul(arguments[1]));
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace extreq::bench

int main(int argc, char** argv) {
  return extreq::bench::run(
      std::span<char* const>(argv, static_cast<std::size_t>(argc)).subspan(1));
}
