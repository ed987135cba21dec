// The time that libextreq-vmm adds to one request (lease, copy, release), p50 and p99, beside the
// straightforward handler: lock the file, look whether the path still names it, read it into a new
// buffer, copy, unlock.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "extreq/vmm.h"
#include "lease/blob_writer.hpp"

namespace extreq::bench {
namespace {

using BenchClock = std::chrono::steady_clock;

constexpr std::uint64_t gpa = 0x4000;
constexpr std::size_t table_size = 4700;  // VCEK, ASK and ARK
constexpr std::size_t guest_pages = 4;

Bytes table() {
  using abi::ghcb::certificate_table::Entry;
  Entry leaf;
  leaf.guid = abi::ghcb::certificate_table::guid_vcek;
  leaf.offset = 2 * sizeof(Entry);
  leaf.length = static_cast<std::uint32_t>(table_size - 2 * sizeof(Entry));
  ByteBuilder builder;
  builder.object(leaf).zeros(sizeof(Entry)).bytes(Bytes(leaf.length, 0x5A));
  return builder.take();
}

// Runs `request` for each iteration and reports its percentiles.
template <class Request>
void measure(benchmark::State& state, Request request) {
  std::vector<double> nanoseconds;
  nanoseconds.reserve(1U << 20U);
  for (auto _ : state) {
    const auto begin = BenchClock::now();
    if (!request()) {
      state.SkipWithError("a request was not served");
      break;
    }
    nanoseconds.push_back(
        std::chrono::duration<double, std::nano>(BenchClock::now() - begin).count());
  }
  if (nanoseconds.empty()) return;
  std::ranges::sort(nanoseconds);
  const auto at = [&](double part) {
    return nanoseconds[static_cast<std::size_t>(part *
                                                static_cast<double>(nanoseconds.size() - 1))];
  };
  state.counters["p50_ns"] = at(0.5);
  state.counters["p99_ns"] = at(0.99);
}

struct Blob {
  TemporaryDirectory folder = *TemporaryDirectory::create("extreq-bench");
  std::string path = folder.path() + "/host.blob";

  explicit Blob(bool sole_writer) {
    lease::BlobWriterOptions options;
    options.sole_writer = sole_writer;
    lease::BlobWriter writer(path, options);
    static_cast<void>(writer.begin({})->publish(table()));
    if (!sole_writer) static_cast<void>(::unlink((path + ".state").c_str()));
  }
};

void serve(benchmark::State& state, extreq_vmm_source* source) {
  extreq_vmm* vm = nullptr;
  extreq_vmm_vcpu* vcpu = nullptr;
  const extreq_vmm_vcpu_config config{sizeof config, -1, [](void*) { return -EINTR; }, nullptr};
  if (extreq_vmm_create(source, nullptr, &vm) != 0 ||
      extreq_vmm_vcpu_create(vm, &config, &vcpu) != 0) {
    state.SkipWithError(extreq_vmm_error());
    return;
  }
  Bytes pages(guest_pages * abi::ghcb::page_size);
  const extreq_vmm_region region{gpa, pages.data(), pages.size()};
  const extreq_vmm_memory memory{nullptr, nullptr, &region, 1};
  abi::kvm::Run run{};
  auto* const page = static_cast<kvm_run*>(static_cast<void*>(&run));
  measure(state, [&] {
    run.exit_reason = abi::kvm::exit_snp_req_certs;
    run.exit.snp_req_certs = {.gpa = gpa, .npages = guest_pages, .ret = 0};
    return extreq_vmm_vcpu_handle(vcpu, page, &memory, EXTREQ_VMM_POLICY_WAIT) == -EINTR &&
           extreq_vmm_vcpu_answer(vcpu) == EXTREQ_VMM_CERTIFICATES;
  });
  extreq_vmm_vcpu_destroy(vcpu);
  extreq_vmm_destroy(vm);
}

void from_memory(benchmark::State& state) {
  const Bytes bytes = table();
  extreq_vmm_source* source = nullptr;
  static_cast<void>(extreq_vmm_source_open_memory(bytes.data(), bytes.size(), &source));
  serve(state, source);
  extreq_vmm_source_close(source);
}
BENCHMARK(from_memory);

void from_blob(benchmark::State& state, bool sole_writer) {
  const Blob blob(sole_writer);
  extreq_vmm_source* source = nullptr;
  static_cast<void>(extreq_vmm_source_open_blob(blob.path.c_str(), &source));
  serve(state, source);
  extreq_vmm_source_close(source);
}
BENCHMARK_CAPTURE(from_blob, with_state_page, true);
BENCHMARK_CAPTURE(from_blob, foreign, false);

bool set_lock(int fd, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void straightforward(benchmark::State& state) {
  const Blob blob(false);
  const UniqueFd fd(::open(blob.path.c_str(), O_RDONLY | O_CLOEXEC));
  Bytes pages(guest_pages * abi::ghcb::page_size);
  measure(state, [&] {
    struct stat opened {};
    struct stat named {};
    if (!set_lock(fd.get(), F_RDLCK) || ::fstat(fd.get(), &opened) != 0 ||
        ::stat(blob.path.c_str(), &named) != 0 || opened.st_ino != named.st_ino) {
      return false;
    }
    Bytes copy(static_cast<std::size_t>(opened.st_size));
    if (::pread(fd.get(), copy.data(), copy.size(), 0) != static_cast<ssize_t>(copy.size())) {
      return false;
    }
    std::memcpy(pages.data(), copy.data(), copy.size());
    return set_lock(fd.get(), F_UNLCK);
  });
}
BENCHMARK(straightforward);

}  // namespace
}  // namespace extreq::bench
