// A guest whose other vCPUs write to everything that is shared while one of them is in an exit.
// What the answers are depends on chance; that there is always one of the documented answers does
// not.
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypervisor/shared_copy.hpp"
#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace event = abi::ghcb::event;
namespace kvm = abi::kvm;
using abi::ghcb::Page;

// Writes to pages with a random mixture of plausible values until it is destroyed.
class Scribbler {
 public:
  Scribbler(MutableByteView memory, std::vector<std::uint64_t> values)
      : thread_([this, memory, values = std::move(values)] {
          std::minstd_rand random(1);
          while (!stop_) {
            const std::uint64_t value = values[random() % values.size()];
            std::array<std::uint8_t, 8> bytes{};
            for (std::size_t i = 0; i < bytes.size(); ++i) {
              bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
            }
            const std::size_t words = memory.size() / bytes.size();
            copy_to_shared(memory.data() + random() % words * bytes.size(), bytes);
          }
        }) {}
  ~Scribbler() {
    stop_ = true;
    thread_.join();
  }
  Scribbler(const Scribbler&) = delete;
  Scribbler& operator=(const Scribbler&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class HostileGuest : public testing::TestWithParam<ExitAbi> {
 protected:
  // The guest's next step on this vCPU: it fills its GHCB as well as it can against the others.
  void then_event(std::uint64_t code) {
    vm_.backend.then([this, code](std::uint64_t) -> Result<GuestExit> {
      vm_.ghcb.set(offsetof(Page, sw_exitcode), code);
      vm_.ghcb.set(offsetof(Page, sw_exitinfo1), TestVm::request_gpa);
      vm_.ghcb.set(offsetof(Page, sw_exitinfo2), TestVm::response_gpa);
      vm_.ghcb.set(offsetof(Page, rax), TestVm::certs_gpa);
      vm_.ghcb.set(offsetof(Page, rbx), 4);
      vm_.ghcb.set(offsetof(Page, sw_scratch), TestVm::ghcb_gpa + offsetof(Page, shared_buffer));
      return GuestExit{Vmgexit{TestVm::ghcb_gpa}};
    });
  }

  // Runs until the guest is entered again, and serves what leaves, as user space would.
  void run_and_serve() {
    for (int exits = 0;; ++exits) {
      ASSERT_LE(exits, 254) << "unbounded work";
      const int result = vm_.vcpu->run();
      ASSERT_THAT(result, testing::AnyOf(0, -EINTR, -EINVAL, -EIO));
      if (result != 0) return;
      ASSERT_THAT(vm_.run_area().exit_reason,
                  testing::AnyOf(kvm::exit_hypercall, kvm::exit_snp_req_certs, 40U,
                                 kvm::exit_system_event, kvm::exit_shutdown));
    }
  }

  TestVm vm_{{.exit_abi = GetParam()}, TestVm::CertificateExits::on};
};

INSTANTIATE_TEST_SUITE_P(Abi, HostileGuest, testing::Values(ExitAbi::merged, ExitAbi::review),
                         exit_abi_name);

TEST_P(HostileGuest, GhcbAndRequestPageMayChangeAtAnyMoment) {
  const std::vector<std::uint64_t> values{0,
                                          1,
                                          ~std::uint64_t{0},
                                          TestVm::request_gpa,
                                          TestVm::response_gpa,
                                          TestVm::private_gpa,
                                          TestVm::unmapped_gpa,
                                          TestVm::ghcb_gpa + offsetof(Page, shared_buffer),
                                          event::page_state_change,
                                          event::guest_request,
                                          event::extended_guest_request,
                                          event::termination_request,
                                          0x0000'0000'00FC'0000,   // a header of 253 entries
                                          0x0010'0000'0000'5000,   // an entry: private
                                          0x0120'0000'0020'0000,   // an entry: shared, 2 MiB
                                          0x0505'0505'0505'0505};  // MSG_REPORT_REQ everywhere
  vm_.memory.set_observer(nullptr);
  {
    const Scribbler ghcb(vm_.page_at(TestVm::ghcb_gpa), values);
    const Scribbler request(vm_.page_at(TestVm::request_gpa), values);
    for (int round = 0; round < 300; ++round) {
      then_event(round % 3 == 0   ? event::page_state_change
                 : round % 3 == 1 ? event::guest_request
                                  : event::extended_guest_request);
      vm_.backend.then_leave(Interrupted{});
      run_and_serve();
    }
  }
  while (!vm_.backend.finished()) run_and_serve();
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(HostileGuest, PagesMayBeConvertedAtAnyMoment) {
  vm_.memory.set_observer(nullptr);
  std::atomic<bool> stop{false};
  std::thread converter([&] {
    std::minstd_rand random(2);
    while (!stop) {
      const std::uint64_t gpa = random() % 8 * TestVm::page;
      EXPECT_TRUE(vm_.memory.set_state(gpa, 1, static_cast<PageState>(random() % 3)));
    }
    EXPECT_TRUE(vm_.memory.set_state(0, 8, PageState::shared));
  });
  for (int round = 0; round < 300; ++round) {
    then_event(round % 2 == 0 ? event::guest_request : event::extended_guest_request);
    vm_.backend.then_leave(Interrupted{});
    run_and_serve();
  }
  stop = true;
  converter.join();
  while (!vm_.backend.finished()) run_and_serve();
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(HostileGuest, EveryExitCodeOf16BitsAndItsNeighboursIsAnswered) {
  std::vector<std::uint64_t> codes;
  for (std::uint64_t code = 0; code < 0x200; ++code) codes.push_back(code);
  for (std::uint64_t code = 0x80000000; code < 0x80000040; ++code) codes.push_back(code);
  for (std::uint64_t code = 0x8000FFF0; code < 0x80010010; ++code) codes.push_back(code);
  for (const std::uint64_t code : codes) {
    SCOPED_TRACE(code);
    vm_.then_event(code, 0, 0);
    vm_.backend.then_leave(Interrupted{});
    run_and_serve();
    while (!vm_.backend.finished()) run_and_serve();
  }
  EXPECT_EQ(vm_.firmware.call_count(), 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_P(HostileGuest, EveryInfoOfTheMsrProtocolIsAnswered) {
  for (std::uint64_t info = 1; info < 0x1000; ++info) {
    for (const std::uint64_t data : {std::uint64_t{0}, ~std::uint64_t{0xFFF}}) {
      vm_.backend.then_vmgexit(data | info).then_leave(Interrupted{});
      run_and_serve();
      while (!vm_.backend.finished()) run_and_serve();
    }
  }
  vm_.backend.then_vmgexit(abi::ghcb::msr::encode_register_gpa_request(1));
  EXPECT_TRUE(vm_.next_request_works());
}

}  // namespace
}  // namespace extreq::hypervisor
