#include "machine/qemu_backend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "abi/x86_snp.hpp"
#include "machine/fake_stub.hpp"
#include "machine/launch_plan.hpp"

namespace extreq::machine {
namespace {

using namespace std::chrono_literals;
using hypervisor::PageState;
using testing::HasSubstr;

constexpr std::uint64_t base = 0xFFFFFFFF81000000;
constexpr std::uint64_t memory_size = 16U << 20U;

struct Setting {
  Register which;
  std::uint64_t value;
};

Registers stopped_at(std::uint64_t rip, std::initializer_list<Setting> settings) {
  Registers registers;
  registers.values[static_cast<std::size_t>(Register::rip)] = rip;
  for (const auto& setting : settings) {
    registers.values[static_cast<std::size_t>(setting.which)] = setting.value;
  }
  return registers;
}

// A processor with one site of each kind; the guest's own page is 0x2000, a shared one 0x3000.
class QemuBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.add_region(0, bytes_, PageState::private_page));
    ASSERT_TRUE(memory_.set_state(0x3000, 1, PageState::shared));
    SiteTable table;
    const auto add = [&table](std::uint64_t offset, SiteKind kind, std::uint8_t length) {
      table.sites.push_back({base + offset, 0x100000 + offset, kind, length});
    };
    add(0x10, SiteKind::vmgexit, 4);
    add(0x20, SiteKind::vmgexit_rdmsr, 6);
    add(0x30, SiteKind::pvalidate, 4);
    add(0x40, SiteKind::rmpadjust, 4);
    add(0x50, SiteKind::rdmsr_sev_status, 2);
    add(0x60, SiteKind::rdmsr_ghcb, 2);
    add(0x70, SiteKind::cpuid_encryption, 2);
    auto gdb = GdbClient::connect(stub_.take_client(), 5000ms);
    ASSERT_TRUE(gdb) << gdb.error().message;
    auto backend = QemuBackend::create(*std::move(gdb), table, memory_, memory_size, 5000ms);
    ASSERT_TRUE(backend) << backend.error().message;
    backend_ = *std::move(backend);
  }

  // Ends the run after what was arranged.
  void arrange_vmgexit(std::uint64_t ghcb_msr) {
    stub_.stop_with(stopped_at(base + 0x10, {{Register::rcx, abi::ghcb::msr::number},
                                             {Register::rax, ghcb_msr & 0xFFFFFFFF},
                                             {Register::rdx, ghcb_msr >> 32}}));
  }

  // The registers with which the guest goes on after a stop.
  Registers after(const Registers& stop) {
    stub_.stop_with(stop);
    backend_->kick();
    const auto exit = backend_->enter(0);
    EXPECT_TRUE(exit) << exit.error().message;
    return stub_.registers();
  }

  Bytes bytes_ = Bytes(memory_size);
  hypervisor::GuestMemory memory_;
  test::FakeStub stub_;
  std::unique_ptr<QemuBackend> backend_;
};

TEST_F(QemuBackendTest, AVmgexitIsAnExitWithTheValueOfTheWrmsrBeforeIt) {
  arrange_vmgexit(0x123456789ABC);
  const auto exit = backend_->enter(0);
  ASSERT_TRUE(exit) << exit.error().message;
  ASSERT_TRUE(std::holds_alternative<hypervisor::Vmgexit>(*exit));
  EXPECT_EQ(std::get<hypervisor::Vmgexit>(*exit).ghcb_msr, 0x123456789ABCU);
}

TEST_F(QemuBackendTest, AVmgexitWithoutTheGhcbMsrIsAnErrorWithTheRegisters) {
  stub_.stop_with(stopped_at(base + 0x10, {{Register::rcx, 0x1234}}));
  const auto exit = backend_->enter(0);
  ASSERT_FALSE(exit);
  EXPECT_THAT(exit.error().message, HasSubstr("rcx=0000000000001234"));
}

TEST_F(QemuBackendTest, TheAnswerGoesIntoTheRdmsrBehindTheVmgexit) {
  stub_.stop_with(stopped_at(base + 0x20, {{Register::rcx, abi::ghcb::msr::number}}));
  ASSERT_TRUE(backend_->enter(0));
  arrange_vmgexit(0);
  stub_.answer("c", "T05thread:01;");  // registers stay for a look
  const auto exit = backend_->enter(0x1111222233334444);
  ASSERT_FALSE(exit);  // the site was left, and no site is behind it
  EXPECT_EQ(stub_.registers()[Register::rip], base + 0x26);
  EXPECT_EQ(stub_.registers()[Register::rax], 0x33334444U);
  EXPECT_EQ(stub_.registers()[Register::rdx], 0x11112222U);
}

TEST_F(QemuBackendTest, SevStatusSaysSnp) {
  const Registers got = after(stopped_at(base + 0x50, {{Register::rcx, abi::x86::msr_sev_status}}));
  EXPECT_EQ(got[Register::rax], 7U);
  EXPECT_EQ(got[Register::rip], base + 0x52);
}

TEST_F(QemuBackendTest, ARdmsrOfAnotherMsrAtASiteIsAnError) {
  stub_.stop_with(stopped_at(base + 0x50, {{Register::rcx, 0x10}}));
  const auto exit = backend_->enter(0);
  ASSERT_FALSE(exit);
  EXPECT_THAT(exit.error().message, HasSubstr("RDMSR of another MSR"));
}

TEST_F(QemuBackendTest, CpuidTellsTheCBitAndOtherFunctionsRunAsTheyAre) {
  const Registers leaf =
      after(stopped_at(base + 0x70, {{Register::rax, abi::x86::cpuid_encryption}}));
  EXPECT_EQ(leaf[Register::rbx] & 0x3F, c_bit);
  EXPECT_EQ(stub_.steps(), 0U);
  const Registers other = after(stopped_at(base + 0x70, {{Register::rax, 1}}));
  EXPECT_EQ(other[Register::rip], base + 0x70);
  EXPECT_EQ(stub_.steps(), 1U);
  EXPECT_EQ(backend_->counts().passed, 1U);
}

TEST_F(QemuBackendTest, PvalidateTracksTheStateAndSetsCarryWhenItDidNotChange) {
  stub_.map(0xAAAA000, 0x2000 | c_bit_mask);
  const auto rescind = stopped_at(base + 0x30, {{Register::rax, 0xAAAA000}});
  const auto validate = stopped_at(base + 0x30, {{Register::rax, 0xAAAA000}, {Register::rdx, 1}});
  EXPECT_EQ(after(rescind)[Register::eflags] & 1, 0U);
  EXPECT_EQ(after(rescind)[Register::eflags] & 1, 1U);
  EXPECT_EQ(after(validate)[Register::eflags] & 1, 0U);
  EXPECT_EQ(after(validate)[Register::eflags] & 1, 1U);
  EXPECT_EQ(after(validate)[Register::rax], 0U);
}

TEST_F(QemuBackendTest, PvalidateLooksAtBit0OfEcxAndEdxOnly) {
  stub_.map(0xAAAA000, 0x2000 | c_bit_mask);
  const auto rescind = stopped_at(
      base + 0x30, {{Register::rax, 0xAAAA000}, {Register::rcx, 0x5A00}, {Register::rdx, 0x1EB00}});
  EXPECT_EQ(after(rescind)[Register::eflags] & 1, 0U);
}

TEST_F(QemuBackendTest, PvalidateOfASharedPageIsAnError) {
  stub_.map(0xAAAA000, 0x3000 | c_bit_mask);
  stub_.stop_with(stopped_at(base + 0x30, {{Register::rax, 0xAAAA000}}));
  const auto exit = backend_->enter(0);
  ASSERT_FALSE(exit);
  EXPECT_THAT(exit.error().message, HasSubstr("0x3000, which is not the guest's page"));
}

TEST_F(QemuBackendTest, PvalidateThroughAMappingWithoutTheCBitIsAnError) {
  stub_.map(0xAAAA000, 0x2000);
  stub_.stop_with(stopped_at(base + 0x30, {{Register::rax, 0xAAAA000}}));
  ASSERT_FALSE(backend_->enter(0));
}

TEST_F(QemuBackendTest, AStopWhereNoSiteIsIsAnError) {
  stub_.stop_with(stopped_at(0xDEAD0000, {}));
  const auto exit = backend_->enter(0);
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().code, Code::invalid_input);
  EXPECT_THAT(exit.error().message, HasSubstr("unexpected stop at 0xdead0000"));
}

TEST_F(QemuBackendTest, TheEarlySitesAreDroppedAtTheFirstStopAtAKernelAddress) {
  EXPECT_EQ(stub_.breakpoints().size(), 14U);
  stub_.stop_with(stopped_at(0x100040, {}));
  after(stopped_at(base + 0x40, {}));
  const auto left = stub_.breakpoints();
  EXPECT_EQ(left.size(), 7U);
  EXPECT_GE(*left.begin(), base);
}

TEST_F(QemuBackendTest, AKickThatCameBeforeInterruptsTheNextRun) {
  backend_->kick();
  const auto exit = backend_->enter(0);
  ASSERT_TRUE(exit);
  EXPECT_TRUE(std::holds_alternative<hypervisor::Interrupted>(*exit));
}

TEST_F(QemuBackendTest, AnEmulatorThatEndsIsAShutdown) {
  stub_.end_at_next_run();
  const auto exit = backend_->enter(0);
  ASSERT_TRUE(exit);
  EXPECT_TRUE(std::holds_alternative<hypervisor::Shutdown>(*exit));
}

}  // namespace
}  // namespace extreq::machine
