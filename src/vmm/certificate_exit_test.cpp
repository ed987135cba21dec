#include "vmm/certificate_exit.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lease/memory_source.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::vmm {
namespace {

using namespace std::chrono_literals;
using test::GuestPages;
using test::page;

constexpr std::uint64_t gpa = GuestPages::base;
constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();
constexpr Policy no_waiting{.max_wait = Clock::Duration::zero(), .reviewed_exit = true};

abi::kvm::Run fresh_run_area() {
  abi::kvm::Run run;
  std::memset(&run, 0, sizeof run);
  return run;
}

template <class Form>
class CertificateExitTest : public testing::Test {
 protected:
  // What KVM_RUN found when handle() called it; the answer that the guest gets is the one in there.
  struct Found {
    std::uint64_t ret = 0;
    std::uint64_t npages = 0;
    bool immediate_exit = false;
    bool lease_held = false;
  };

  std::unique_ptr<VcpuCertificateExit> create_vcpu(CertificateExit& vm) {
    return *vm.create_vcpu([this] {
      ++runs_;
      found_ = {.ret = Form::ret(run_),
                .npages = Form::npages(run_),
                .immediate_exit = test::load(run_.immediate_exit) != 0,
                .lease_held = !update_possible()};
      return result_;
    });
  }
  // The answer, once it has been completed.
  Served handle(std::uint64_t at, std::uint64_t npages) {
    Form::exit(run_, at, npages);
    const int before = runs_;
    EXPECT_EQ(vcpu_->handle(run_, memory_), result_);
    EXPECT_EQ(runs_, before + 1);
    EXPECT_TRUE(found_.lease_held || vcpu_->answer() != Served::certificates);
    EXPECT_TRUE(found_.immediate_exit);
    EXPECT_EQ(run_.immediate_exit, 0);
    EXPECT_EQ(Form::ret(run_), Form::busy) << "whatever is still pending";
    return vcpu_->answer();
  }
  void handle_without_checks() {
    Form::exit(run_, gpa, 4);
    static_cast<void>(vcpu_->handle(run_, memory_));
  }
  // Nobody but the holders of leases keeps an update away.
  [[nodiscard]] bool update_possible() { return source_.replace(table_, {}).has_value(); }
  void use_table(const Bytes& table) {
    table_ = table;
    ASSERT_TRUE(source_.replace(table, {}));
  }

  Bytes table_ = test::table_of(5000);
  lease::MemorySource source_{table_};
  ManualClock clock_;
  CertificateExit vm_{source_, no_waiting, clock_};
  int result_ = -EINTR;
  int runs_ = 0;
  Found found_;
  std::unique_ptr<VcpuCertificateExit> vcpu_ = create_vcpu(vm_);
  abi::kvm::Run run_ = fresh_run_area();
  GuestPages memory_;
};

using Forms = testing::Types<test::MergedForm, test::ReviewForm>;
TYPED_TEST_SUITE(CertificateExitTest, Forms);

TYPED_TEST(CertificateExitTest, TheGuestGetsTheTableUnderALeaseThatLastsUntilTheRunReturned) {
  EXPECT_EQ(this->handle(gpa, 2), Served::certificates);
  EXPECT_EQ(this->memory_.at(gpa, 5000), test::table_of(5000));
  EXPECT_EQ(this->memory_.at(gpa + 5000, 1)[0], test::untouched);
  EXPECT_EQ(this->found_.ret, TypeParam::ok);
  EXPECT_EQ(this->found_.npages, 2U);
  EXPECT_TRUE(this->found_.lease_held);
  EXPECT_TRUE(this->update_possible());
  EXPECT_FALSE(this->vcpu_->last_failure());
}

TYPED_TEST(CertificateExitTest, WhateverTheRunGivesIsHandedOnAndNothingIsSignedLater) {
  for (const int result : {-EINTR, -EINVAL, -EAGAIN, -EIO, -EFAULT, -ENOMEM, -EBADF, -ETIMEDOUT}) {
    this->result_ = result;
    EXPECT_EQ(this->handle(gpa, 4), Served::certificates);
    EXPECT_TRUE(this->update_possible()) << result;
  }
}

TYPED_TEST(CertificateExitTest, AnotherExitAfterTheRunIsTheCallersAndLeftAlone) {
  for (const int result : {0, -EFAULT}) {
    const auto vcpu = *this->vm_.create_vcpu([&] {
      std::memset(&this->run_.exit, 0x77, sizeof this->run_.exit);
      this->run_.exit_reason = abi::kvm::exit_memory_fault;
      return result;
    });
    TypeParam::exit(this->run_, gpa, 4);
    EXPECT_EQ(vcpu->handle(this->run_, this->memory_), result);
    EXPECT_EQ(vcpu->answer(), Served::certificates);
    decltype(this->run_.exit) expected;
    std::memset(&expected, 0x77, sizeof expected);
    EXPECT_EQ(std::memcmp(&this->run_.exit, &expected, sizeof expected), 0);
    EXPECT_TRUE(this->update_possible());
  }
}

// A run that was none, or a guest that asks again because somebody cleared immediate_exit.
TYPED_TEST(CertificateExitTest, AnExitOfOursAfterTheRunIsNeverTheCallers) {
  this->result_ = 0;
  TypeParam::exit(this->run_, gpa, 4);
  EXPECT_EQ(this->vcpu_->handle(this->run_, this->memory_), -EINTR);
  EXPECT_EQ(TypeParam::ret(this->run_), TypeParam::busy);
}

TYPED_TEST(CertificateExitTest, ARunThatThrowsLeavesNoLeaseAndNothingToSign) {
  const auto vcpu = *this->vm_.create_vcpu([]() -> int { throw std::runtime_error("a VMM's"); });
  TypeParam::exit(this->run_, gpa, 4);
  EXPECT_THROW(static_cast<void>(vcpu->handle(this->run_, this->memory_)), std::runtime_error);
  EXPECT_EQ(TypeParam::ret(this->run_), TypeParam::busy);
  EXPECT_EQ(this->run_.immediate_exit, 0);
  EXPECT_TRUE(this->update_possible());
}

// VMMs set immediate_exit to kick a vCPU out of the guest, by a signal handler or another thread.
TYPED_TEST(CertificateExitTest, AKickBeforeOrDuringTheCallIsStillThereAfterIt) {
  this->run_.immediate_exit = 1;
  TypeParam::exit(this->run_, gpa, 4);
  EXPECT_EQ(this->vcpu_->handle(this->run_, this->memory_), -EINTR);
  EXPECT_EQ(this->run_.immediate_exit, 1);
  this->run_.immediate_exit = 0;
  const auto vcpu = *this->vm_.create_vcpu([this] {
    this->run_.immediate_exit = 1;
    return -EINTR;
  });
  TypeParam::exit(this->run_, gpa, 4);
  EXPECT_EQ(vcpu->handle(this->run_, this->memory_), -EINTR);
  EXPECT_EQ(this->run_.immediate_exit, 1);
}

TYPED_TEST(CertificateExitTest, OneVcpusCompletionLeavesTheOthersTheirLease) {
  abi::kvm::Run other_run = fresh_run_area();
  bool held = false;
  const auto other = *this->vm_.create_vcpu([&] {
    this->handle_without_checks();
    held = !this->update_possible();
    return -EINTR;
  });
  TypeParam::exit(other_run, gpa, 4);
  EXPECT_EQ(other->handle(other_run, this->memory_), -EINTR);
  EXPECT_TRUE(held);
  EXPECT_TRUE(this->update_possible());
}

TYPED_TEST(CertificateExitTest, TooFewPagesAreAnsweredWithTheirNumberAndNothingIsWritten) {
  for (const std::uint64_t npages : {0U, 1U}) {
    EXPECT_EQ(this->handle(gpa, npages), Served::too_small);
    EXPECT_EQ(this->found_.ret, TypeParam::too_small);
    EXPECT_EQ(this->found_.npages, 2U);
  }
  EXPECT_TRUE(this->memory_.is_untouched());
  EXPECT_TRUE(this->update_possible());
}

TYPED_TEST(CertificateExitTest, TheNumberOfPagesIsRoundedUpAndNoFurther) {
  struct Row {
    std::size_t size;
    std::uint64_t pages;
  };
  for (const Row row : {Row{49, 1}, Row{4095, 1}, Row{4096, 1}, Row{4097, 2}, Row{8192, 2},
                        Row{8193, 3}, Row{16384, 4}}) {
    this->use_table(test::table_of(row.size));
    EXPECT_EQ(this->handle(gpa, row.pages - 1), Served::too_small) << row.size;
    EXPECT_EQ(this->found_.npages, row.pages) << row.size;
    EXPECT_EQ(this->handle(gpa, row.pages), Served::certificates) << row.size;
  }
}

TYPED_TEST(CertificateExitTest, MorePagesThanThereAreInTheWorldAreNoProblem) {
  for (const std::uint64_t npages : {std::uint64_t{1} << 52, largest / page + 1, largest}) {
    EXPECT_EQ(this->handle(gpa, npages), Served::certificates);
    EXPECT_EQ(this->memory_.at(gpa, 5000), test::table_of(5000));
    EXPECT_EQ(this->memory_.at(gpa + 5000, 1)[0], test::untouched);
  }
}

TYPED_TEST(CertificateExitTest, AnAddressThatWrapsAroundIsNotWritten) {
  for (const std::uint64_t at : {largest, largest - 22, largest & ~(page - 1)}) {
    const int writes_before = this->memory_.writes;
    EXPECT_EQ(this->handle(at, 4), Served::too_small) << at;
    EXPECT_EQ(this->found_.ret, TypeParam::too_small);
    EXPECT_TRUE(this->memory_.is_untouched());
    EXPECT_LE(this->memory_.writes, writes_before + 1) << "only the 24 bytes may still fit";
  }
}

// With "ok" the guest would read what is there: perhaps the table of an earlier request.
TYPED_TEST(CertificateExitTest, AGuestWhosePagesCannotBeWrittenGetsNoReportBesideThem) {
  this->memory_.make_hole(0);
  EXPECT_EQ(this->handle(gpa, 4), Served::too_small);
  EXPECT_EQ(this->found_.ret, TypeParam::too_small);
  EXPECT_EQ(this->found_.npages, 2U);
  ASSERT_TRUE(this->vcpu_->last_failure());
  EXPECT_THAT(this->vcpu_->last_failure()->message, testing::HasSubstr("0x10000"));
  // The next request, to memory that is there, works.
  EXPECT_EQ(this->handle(gpa + page, 4), Served::certificates);
  EXPECT_FALSE(this->vcpu_->last_failure());
}

TYPED_TEST(CertificateExitTest, ATableThatCouldBeWrittenInPartIsMadeAnEmptyOne) {
  this->memory_.make_hole(1);
  EXPECT_EQ(this->handle(gpa, 4), Served::no_certificates);
  EXPECT_EQ(this->found_.ret, TypeParam::ok);
  EXPECT_EQ(this->memory_.at(gpa, 24), Bytes(24, 0));
  EXPECT_TRUE(this->vcpu_->last_failure());
}

TYPED_TEST(CertificateExitTest, NoCertificatesAreAnEmptyTableAndNoLease) {
  this->use_table({});
  EXPECT_EQ(this->handle(gpa, 1), Served::no_certificates);
  EXPECT_EQ(this->found_.ret, TypeParam::ok);
  EXPECT_EQ(this->memory_.at(gpa, 24), Bytes(24, 0));
  EXPECT_EQ(this->memory_.at(gpa + 24, 1)[0], test::untouched);
  EXPECT_FALSE(this->vcpu_->last_failure());
}

TYPED_TEST(CertificateExitTest, NoCertificatesAndNoPagesMeanThatNothingIsWritten) {
  this->use_table({});
  EXPECT_EQ(this->handle(gpa, 0), Served::no_certificates);
  EXPECT_EQ(this->found_.ret, TypeParam::ok);
  EXPECT_EQ(this->memory_.writes, 0);
}

TYPED_TEST(CertificateExitTest, ASourceThatFailsIsAnEmptyTableNeverAFailure) {
  for (const Code code : {Code::not_found, Code::io, Code::invalid_input, Code::unsupported}) {
    test::FailingSource source(code);
    CertificateExit vm(source, no_waiting, this->clock_);
    const auto vcpu = this->create_vcpu(vm);
    TypeParam::exit(this->run_, gpa, 1);
    EXPECT_EQ(vcpu->handle(this->run_, this->memory_), -EINTR);
    EXPECT_EQ(vcpu->answer(), Served::no_certificates);
    EXPECT_EQ(this->found_.ret, TypeParam::ok);
    ASSERT_TRUE(vcpu->last_failure());
    EXPECT_EQ(vcpu->last_failure()->code, code);
  }
}

TYPED_TEST(CertificateExitTest, AnUpdateUnderWayIsBusy) {
  {
    const auto update = this->source_.exclusive({});
    ASSERT_TRUE(update);
    EXPECT_EQ(this->handle(gpa, 4), Served::busy);
    EXPECT_EQ(this->found_.ret, TypeParam::busy);
    EXPECT_EQ(this->found_.npages, 4U);
    EXPECT_TRUE(this->memory_.is_untouched());
  }
  EXPECT_EQ(this->handle(gpa, 4), Served::no_certificates) << "the update published nothing";
}

TYPED_TEST(CertificateExitTest, BusyEndsAfterThirtySecondsInARowWithAnEmptyTable) {
  const auto update = this->source_.exclusive({});
  ASSERT_TRUE(update);
  for (int round = 0; round < 2; ++round) {
    for (int seconds = 0; seconds < 30; seconds += 2) {
      EXPECT_EQ(this->handle(gpa, 4), Served::busy) << seconds;
      this->clock_.advance(2s);
    }
    EXPECT_EQ(this->handle(gpa, 4), Served::no_certificates);
    EXPECT_EQ(this->found_.ret, TypeParam::ok);
    EXPECT_EQ(this->memory_.at(gpa, 24), Bytes(24, 0));
  }
}

TYPED_TEST(CertificateExitTest, BusyIsCountedForTheGuestNotForTheVcpu) {
  const auto update = this->source_.exclusive({});
  EXPECT_EQ(this->handle(gpa, 4), Served::busy);
  this->clock_.advance(30s);
  this->vcpu_ = this->create_vcpu(this->vm_);
  EXPECT_EQ(this->handle(gpa, 4), Served::no_certificates);
}

TYPED_TEST(CertificateExitTest, AnotherAnswerInBetweenStartsTheCountAnew) {
  for (int round = 0; round < 3; ++round) {
    {
      auto update = this->source_.exclusive({});
      ASSERT_TRUE(update);
      EXPECT_EQ(this->handle(gpa, 4), Served::busy);
      this->clock_.advance(29s);
      EXPECT_EQ(this->handle(gpa, 4), Served::busy);
      update->publish(test::table_of(100));
    }
    EXPECT_EQ(this->handle(gpa, 4), Served::certificates);
  }
}

TYPED_TEST(CertificateExitTest, InAForkedChildNothingIsTouched) {
  int status = -1;
  const auto vcpu = *this->vm_.create_vcpu([&] {
    // In the middle of a request, when there is most to break.
    const abi::kvm::Run before = this->run_;
    const int writes_before = this->memory_.writes;
    const pid_t child = ::fork();
    if (child == 0) {
      const bool quiet = this->vcpu_->handle(this->run_, this->memory_) == 0 &&
                         std::memcmp(&before, &this->run_, sizeof before) == 0 &&
                         this->memory_.writes == writes_before;
      this->vcpu_.reset();
      ::_exit(quiet ? 0 : 1);
    }
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_FALSE(this->update_possible());
    return -EINTR;
  });
  TypeParam::exit(this->run_, gpa, 4);
  EXPECT_EQ(vcpu->handle(this->run_, this->memory_), -EINTR);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// The run area belongs to the VMM's threads too; one of them may write to it at any moment.
TYPED_TEST(CertificateExitTest, ARunAreaThatAnotherThreadScribblesOnDoesNoHarm) {
  std::atomic<bool> stop{false};
  TypeParam::exit(this->run_, gpa, 4);
  auto& words = this->run_.exit.snp_req_certs;
  std::thread scribbler([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      for (std::uint64_t* word : {&words.gpa, &words.npages, &words.ret}) {
        std::atomic_ref(*word).store(i % 3 == 0 ? gpa : i % 5, std::memory_order_relaxed);
      }
      std::atomic_ref(this->run_.immediate_exit).store(0, std::memory_order_relaxed);
      std::atomic_ref(this->run_.exit_reason)
          .store(i % 2 == 0 ? abi::kvm::exit_snp_req_certs : abi::kvm::exit_io,
                 std::memory_order_relaxed);
    }
  });
  for (int i = 0; i < 2000; ++i) {
    const int before = this->runs_;
    const int result = this->vcpu_->handle(this->run_, this->memory_);
    EXPECT_EQ(result, this->runs_ == before ? 0 : -EINTR);
    EXPECT_EQ(this->vcpu_->answer() == Served::not_ours, this->runs_ == before);
    EXPECT_TRUE(this->found_.lease_held || this->vcpu_->answer() != Served::certificates);
  }
  stop = true;
  scribbler.join();
  EXPECT_TRUE(this->update_possible());
}

TEST(CertificateExitOthers, OtherExitsAreLeftAlone) {
  lease::MemorySource source(test::table_of(100));
  CertificateExit vm(source, {.reviewed_exit = true});
  const auto vcpu = *vm.create_vcpu([]() -> int {
    ADD_FAILURE() << "nothing of ours to complete";
    return 0;
  });
  GuestPages memory;
  abi::kvm::Run run = fresh_run_area();
  std::memset(&run, test::untouched, sizeof run);
  for (const std::uint32_t reason : {abi::kvm::exit_io, abi::kvm::exit_hypercall, 42U, 44U, 0U}) {
    run.exit_reason = reason;
    const abi::kvm::Run before = run;
    EXPECT_EQ(vcpu->handle(run, memory), 0);
    EXPECT_EQ(vcpu->answer(), Served::not_ours);
    EXPECT_EQ(std::memcmp(&before, &run, sizeof run), 0);
  }
  // The review's exit, but another GHCB event: and on real KVM 40 is TDX's exit.
  for (const std::uint64_t code : {abi::ghcb::event::guest_request, std::uint64_t{0}}) {
    run.exit_reason = abi::vmgexit::exit_vmgexit;
    run.exit.vmgexit.exit_code = code;
    EXPECT_EQ(vcpu->handle(run, memory), 0);
    EXPECT_EQ(vcpu->answer(), Served::not_ours);
  }
  EXPECT_TRUE(memory.is_untouched());
}

// Key and table change together; what a vCPU is given must fit the key until its run returned.
TEST(CertificateExitOthers, ManyVcpusAndAnUpdaterNeverSeeAMismatch) {
  constexpr int vcpu_count = 4;
  lease::MemorySource source(test::table_of(5000, 0));
  CertificateExit vm(source, {.max_wait = 5min});
  std::atomic<int> key{0};
  std::atomic<int> mismatches{0};
  std::atomic<int> served{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> vcpus;
  for (int i = 0; i < vcpu_count; ++i) {
    vcpus.emplace_back([&] {
      const auto memory = std::make_unique<GuestPages>();
      abi::kvm::Run run = fresh_run_area();
      const auto vcpu = *vm.create_vcpu([&] {
        const int signed_with = key;
        if (memory->at(gpa + 4999, 1)[0] != signed_with) ++mismatches;
        return -EINTR;
      });
      while (!stop) {
        test::MergedForm::exit(run, gpa, 4);
        static_cast<void>(vcpu->handle(run, *memory));
        if (vcpu->answer() != Served::certificates) ++mismatches;
        ++served;
      }
    });
  }
  for (int i = 1; i <= 50; ++i) {
    const int before = served;
    while (served < before + 2) std::this_thread::yield();
    auto update = source.exclusive(5min);
    ASSERT_TRUE(update);
    key = i;
    update->publish(test::table_of(5000, static_cast<std::uint8_t>(i)));
  }
  stop = true;
  for (auto& vcpu : vcpus) vcpu.join();
  EXPECT_EQ(mismatches, 0);
}

}  // namespace
}  // namespace extreq::vmm
