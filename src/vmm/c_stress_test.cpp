// 64 vCPU threads of one VM through extreq/vmm.h while the certificates rotate; the same with
// signals all the time, and with forks in the middle.
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "extreq/vmm.h"
#include "lease/blob_writer.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace extreq::vmm {
namespace {

using namespace std::chrono_literals;
using test::MergedForm;

constexpr int vcpu_count = 64;
constexpr int requests_each = 40;
constexpr std::size_t table_size = 5000;
constexpr std::uint64_t gpa = 0x4000;

struct Scene {
  extreq_vmm* vm = nullptr;
  std::atomic<int>& key;
  std::atomic<int> mismatches{0};
  std::atomic<int> served{0};
  std::atomic<int> running{vcpu_count};
};

// One vCPU. Its KVM_RUN signs with the key of the moment.
struct Processor {
  Scene& scene;
  std::array<std::uint8_t, 2 * test::page> pages{};
  extreq_vmm_vcpu* certificates = nullptr;

  [[nodiscard]] extreq_vmm_vcpu_config config() {
    return {sizeof(extreq_vmm_vcpu_config), -1,
            [](void* self) { return static_cast<Processor*>(self)->complete(); }, this};
  }
  int complete() {
    if (extreq_vmm_vcpu_answer(certificates) != EXTREQ_VMM_CERTIFICATES) return -EINTR;
    const int before = scene.key;
    std::this_thread::yield();  // room for whoever does not wait for the lease
    if (pages.at(table_size - 1) != before || scene.key != before) ++scene.mismatches;
    return -EINTR;
  }
};

void vcpu_thread(Processor& processor) {
  Scene& scene = processor.scene;
  const extreq_vmm_region region{gpa, processor.pages.data(), processor.pages.size()};
  const extreq_vmm_memory memory{nullptr, nullptr, &region, 1};
  const auto run = std::make_unique<abi::kvm::Run>();
  auto* const page = static_cast<kvm_run*>(static_cast<void*>(run.get()));
  for (int done = 0; done < requests_each;) {
    MergedForm::exit(*run, gpa, 2);
    const int result =
        extreq_vmm_vcpu_handle(processor.certificates, page, &memory, EXTREQ_VMM_POLICY_WAIT);
    const int answer = extreq_vmm_vcpu_answer(processor.certificates);
    if (answer == EXTREQ_VMM_CERTIFICATES) {
      ++scene.served;
      ++done;
    } else if (answer != EXTREQ_VMM_BUSY) {
      ++scene.mismatches;
      ++done;
    }
    if (result != -EINTR) ++scene.mismatches;
  }
  --scene.running;
}

// Not _exit(): there ThreadSanitizer takes the parent's threads that have ended, and that no child
// can join, for leaks.
[[noreturn]] void end_child(int status) {
  ::syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

class Stress : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(folder_);
    ASSERT_TRUE(writer_->begin(1s)->publish(test::table_of(table_size, 0)));
    extreq_vmm_source* source = nullptr;
    ASSERT_EQ(extreq_vmm_source_open_blob(blob_.c_str(), &source), 0);
    ASSERT_EQ(extreq_vmm_create(source, nullptr, &scene_.vm), 0);
    extreq_vmm_source_close(source);
    for (int i = 0; i < vcpu_count; ++i) {
      Processor& vcpu = *vcpus_.emplace_back(std::make_unique<Processor>(Processor{scene_}));
      const auto config = vcpu.config();
      ASSERT_EQ(extreq_vmm_vcpu_create(scene_.vm, &config, &vcpu.certificates), 0);
    }
    for (const auto& vcpu : vcpus_) {
      threads_.emplace_back([raw = vcpu.get()] { vcpu_thread(*raw); });
    }
  }

  // The transaction of a host update, once.
  void rotate() {
    auto update = writer_->begin(30s);
    ASSERT_TRUE(update) << update.error().message;
    ASSERT_TRUE(update->tombstone());
    key_ = (key_ + 1) % 200;
    ASSERT_TRUE(update->publish(test::table_of(table_size, static_cast<std::uint8_t>(key_))));
  }
  void finish() {
    for (auto& thread : threads_) thread.join();
    EXPECT_EQ(scene_.mismatches, 0);
    EXPECT_EQ(scene_.served, vcpu_count * requests_each);
    EXPECT_TRUE(writer_->begin({}));  // nobody holds the lock any more
    for (const auto& vcpu : vcpus_) extreq_vmm_vcpu_destroy(vcpu->certificates);
    extreq_vmm_destroy(scene_.vm);
  }

  Result<TemporaryDirectory> folder_ = TemporaryDirectory::create("extreq-stress");
  std::string blob_ = folder_->path() + "/host.blob";
  std::unique_ptr<lease::BlobWriter> writer_ = std::make_unique<lease::BlobWriter>(blob_);
  std::atomic<int> key_{0};
  Scene scene_{.key = key_};
  std::vector<std::unique_ptr<Processor>> vcpus_;
  std::vector<std::thread> threads_;
};

TEST_F(Stress, SixtyFourVcpusNeverSeeAMismatchWhileCertificatesRotate) {
  int rotations = 0;
  while (scene_.running != 0) {
    rotate();
    ++rotations;
    std::this_thread::sleep_for(2ms);
  }
  EXPECT_GT(rotations, 0);
  finish();
}

TEST_F(Stress, NorWhileSignalsHitThemAllTheTime) {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};  // without SA_RESTART: waits in the kernel end with EINTR
  ASSERT_EQ(::sigaction(SIGUSR1, &nothing, nullptr), 0);
  while (scene_.running != 0) {
    rotate();
    for (int round = 0; round < 5; ++round) {
      for (auto& thread : threads_) ::pthread_kill(thread.native_handle(), SIGUSR1);
      std::this_thread::sleep_for(500us);
    }
  }
  finish();
}

TEST_F(Stress, ForkedChildrenDropNobodysLease) {
  std::array<std::uint8_t, test::page> pages{};
  const extreq_vmm_region region{gpa, pages.data(), pages.size()};
  const extreq_vmm_memory memory{nullptr, nullptr, &region, 1};
  abi::kvm::Run run{};
  auto* const page = static_cast<kvm_run*>(static_cast<void*>(&run));
  while (scene_.running != 0) {
    rotate();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool nothing = true;
      for (const auto& vcpu : vcpus_) {
        MergedForm::exit(run, gpa, 2);
        nothing = nothing && extreq_vmm_vcpu_handle(vcpu->certificates, page, &memory, 0) == 0;
        extreq_vmm_vcpu_destroy(vcpu->certificates);
      }
      end_child(nothing ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  finish();
}

}  // namespace
}  // namespace extreq::vmm
