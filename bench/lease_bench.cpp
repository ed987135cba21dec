// One lease with a copy of the table into the guest's pages, for each source, beside handlers that
// do what the kernel's document says and no more. CPU time of both ends: for the socket that is the
// service's thread, too.
#include <stdexcept>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "host/socket_server.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"
#include "lease/memory_source.hpp"
#include "lease/socket_source.hpp"

namespace extreq::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t table_size = 4700;  // VCEK, ASK and ARK
constexpr std::size_t pages_size = 4 * abi::ghcb::page_size;

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

// `foreign`: as another's tool leaves it, without a state page.
struct Blob {
  TemporaryDirectory folder = TemporaryDirectory::create("extreq-bench").value();
  std::string path = folder.path() + "/host.blob";

  explicit Blob(bool foreign) {
    lease::BlobWriter writer(path, {.sole_writer = !foreign});
    if (!writer.begin(1s).value().publish(table())) throw std::runtime_error("publish");
    if (foreign && ::unlink(lease::state_page_path(path).c_str()) != 0) {
      throw std::runtime_error("unlink");
    }
  }
};

// `request` serves one request into the pages; false: it failed.
template <class Request>
void measure(benchmark::State& state, const Request& request) {
  Bytes pages(pages_size);
  for (auto _ : state) {
    if (!request(pages)) {
      state.SkipWithError("a request was not served");
      break;
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}

void serve(benchmark::State& state, lease::CertificateSource& source) {
  const auto holder = source.open_holder().value();
  measure(state, [&](Bytes& pages) {
    const auto held = holder->acquire(1s);
    if (!held) return false;
    std::copy(held->begin(), held->end(), pages.begin());
    holder->release();
    return true;
  });
}

void from_memory(benchmark::State& state) {
  lease::MemorySource source(table());
  serve(state, source);
}
BENCHMARK(from_memory);

void from_blob(benchmark::State& state, bool foreign) {
  const Blob blob(foreign);
  lease::BlobSource source(blob.path);
  serve(state, source);
}
BENCHMARK_CAPTURE(from_blob, with_state_page, false);
BENCHMARK_CAPTURE(from_blob, foreign, true);

void from_socket(benchmark::State& state) {
  const Blob blob(false);
  host::SocketServerOptions options;
  options.socket_path = blob.folder.path() + "/host.sock";
  options.blob_path = blob.path;
  const auto server = host::SocketServer::start(options).value();
  lease::SocketSource source(options.socket_path);
  serve(state, source);
}
BENCHMARK(from_socket)->MeasureProcessCPUTime()->UseRealTime();

bool set_lock(int fd, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// What one writes from the kernel's document at first: everything anew for each request.
bool straightforward_request(const std::string& path, Bytes& pages) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat opened {};
  struct stat named {};
  if (!fd || !set_lock(fd.get(), F_RDLCK) || ::fstat(fd.get(), &opened) != 0 ||
      ::stat(path.c_str(), &named) != 0 || opened.st_ino != named.st_ino ||
      opened.st_dev != named.st_dev) {
    return false;
  }
  Bytes copy(static_cast<std::size_t>(opened.st_size));
  if (::read(fd.get(), copy.data(), copy.size()) != static_cast<ssize_t>(copy.size())) return false;
  std::copy(copy.begin(), copy.end(), pages.begin());
  return set_lock(fd.get(), F_UNLCK);
}

void straightforward(benchmark::State& state) {
  const Blob blob(true);
  measure(state, [&](Bytes& pages) { return straightforward_request(blob.path, pages); });
}
BENCHMARK(straightforward);

// The same with the millisecond that a proposed handler sleeps even when the lock is free.
void straightforward_with_sleep(benchmark::State& state) {
  const Blob blob(true);
  measure(state, [&](Bytes& pages) {
    const bool served = straightforward_request(blob.path, pages);
    ::usleep(1000);
    return served;
  });
}
BENCHMARK(straightforward_with_sleep)->UseRealTime();

}  // namespace
}  // namespace extreq::bench
