#include "sim/simulated_guest.hpp"

#include <algorithm>
#include <string_view>

#include "base/try.hpp"

namespace extreq::sim {
namespace {

constexpr std::uint64_t pages_per_vcpu = 16;
constexpr std::uint64_t first_vcpu_page = 16;
constexpr std::uint64_t certificate_pages = 4;  // what Linux guests offer

// Its digest is the guest's MEASUREMENT.
constexpr std::string_view measured_text = "extreq simulated guest: its instructions are C++";

std::uint64_t page_gpa(std::uint64_t page) { return page * hypervisor::guest_page_size; }

template <class T>
Status check_command(const firmware::CommandResult<T>& result) {
  if (result) return {};
  return fail(Code::closed, "launch: {}", result.error().message);
}

}  // namespace

Result<std::unique_ptr<SimulatedGuest>> SimulatedGuest::launch(
    firmware::model::SecureProcessor& processor, unsigned vcpus) {
  const auto handle = processor.create_guest();
  EXTREQ_TRY(check_command(handle));
  std::unique_ptr<SimulatedGuest> guest(new SimulatedGuest(processor, *handle, vcpus));
  EXTREQ_TRY(guest->load());
  return guest;
}

SimulatedGuest::SimulatedGuest(firmware::model::SecureProcessor& processor,
                               firmware::GuestHandle handle, unsigned vcpus)
    : processor_(processor), handle_(handle), ram_(first_vcpu_page + vcpus * pages_per_vcpu) {}

SimulatedGuest::~SimulatedGuest() {
  // Nobody is left to hear of a failure: the processor forgets the guest with itself at the latest.
  static_cast<void>(processor_.decommission(handle_));
}

Status SimulatedGuest::load() {
  using abi::snp::PageType;
  EXTREQ_TRY(ram_.attach(memory_));
  EXTREQ_TRY(check_command(processor_.launch_start(handle_, {})));

  firmware::model::GuestPage image{};
  std::ranges::copy(measured_text, image.begin());
  EXTREQ_TRY(ram_.write(0, image));
  EXTREQ_TRY(check_command(
      processor_.launch_update(handle_, {.type = PageType::normal, .gpa = 0, .contents = image})));

  const firmware::model::GuestPage nothing{};
  auto secrets = processor_.launch_update(
      handle_, {.type = PageType::secrets, .gpa = secrets_gpa, .contents = nothing});
  EXTREQ_TRY(check_command(secrets));
  if (!*secrets) return fail(Code::closed, "launch: the firmware gave no secrets page");
  const auto written = ram_.write(secrets_gpa, **secrets);
  wipe(**secrets);
  EXTREQ_TRY(written);
  return check_command(processor_.launch_finish(handle_, {}));
}

guest::SharedPages SimulatedGuest::pages_of(unsigned vcpu) noexcept {
  const std::uint64_t first = first_vcpu_page + vcpu * pages_per_vcpu;
  return {.ghcb = page_gpa(first),
          .request = page_gpa(first + 1),
          .response = page_gpa(first + 2),
          .certificates = page_gpa(first + 4),
          .certificate_pages = certificate_pages};
}

}  // namespace extreq::sim
