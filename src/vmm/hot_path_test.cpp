// What one request costs: no allocation, on any source, once the first one is through.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/temporary_directory.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"
#include "lease/memory_source.hpp"
#include "vmm/certificate_exit.hpp"
#include "vmm/vmm_test_tools.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

// Every allocation of this test program comes through here. Not inlined: gcc would take malloc and
// delete for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);  // NOLINT: this is the allocator
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }  // NOLINT
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}  // NOLINT

namespace extreq::vmm {
namespace {

void expect_no_allocations(lease::CertificateSource& source) {
  CertificateExit vm(source);
  const auto vcpu = *vm.create_vcpu([] { return -EINTR; });
  test::GuestPages memory;
  abi::kvm::Run run;
  std::memset(&run, 0, sizeof run);
  const auto request = [&] {
    test::MergedForm::exit(run, test::GuestPages::base, 4);
    return vcpu->handle(run, memory) == -EINTR && vcpu->answer() == Served::certificates;
  };
  ASSERT_TRUE(request());
  const std::size_t before = allocations;
  bool all_served = true;
  for (int i = 0; i < 100; ++i) all_served = request() && all_served;
  EXPECT_EQ(allocations, before);
  EXPECT_TRUE(all_served);
}

TEST(HotPath, ARequestAllocatesNothingWithCertificatesInMemory) {
  lease::MemorySource source(test::table_of(5000));
  expect_no_allocations(source);
}

TEST(HotPath, ARequestAllocatesNothingWithCertificatesInAFile) {
  const auto folder = TemporaryDirectory::create("extreq-vmm");
  ASSERT_TRUE(folder);
  const std::string blob = folder->path() + "/host.blob";
  for (const bool sole_writer : {false, true}) {
    lease::BlobWriterOptions options;
    options.sole_writer = sole_writer;
    lease::BlobWriter writer(blob, options);
    ASSERT_TRUE(writer.begin({})->publish(test::table_of(5000)));
    lease::BlobSource source(blob);
    expect_no_allocations(source);
  }
}

TEST(HotPath, TheCounterCounts) {
  const std::size_t before = allocations;
  ::operator delete(::operator new(1));  // a new expression might be left out
  EXPECT_GT(allocations, before);
}

}  // namespace
}  // namespace extreq::vmm
