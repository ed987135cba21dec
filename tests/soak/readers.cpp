#include "tests/soak/readers.hpp"

#include <stdexcept>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lease/blob_source.hpp"
#include "lease/lock_holders.hpp"
#include "lease/socket_source.hpp"
#include "tests/soak/judge.hpp"

namespace extreq::soak {
namespace {

using namespace std::chrono_literals;
using firmware::model::must;

// Foreign readers do not stay back for a writer. Real ones have a guest to run in between.
constexpr auto foreign_pause = 200us;
constexpr auto busy_pause = 1ms;
constexpr auto wait_max = 20s;

bool begin_request(SharedState& shared) { return shared.left.fetch_sub(1) > 0; }

std::string holders_of(const Scene& scene) {
  lease::FileStatus blob;
  if (lease::file_status(scene.blob(), blob) != 0) return "no blob";
  return lease::describe(lease::find_lock_holders(blob.identity));
}

void read_through_the_library(const Scene& scene) {
  Judge judge(scene);
  const auto holder = must(lease::BlobSource(scene.blob()).open_holder());
  while (begin_request(*scene.shared)) {
    const auto table = holder->acquire(wait_max);
    if (!table) throw std::runtime_error(table.error().message + ": " + holders_of(scene));
    judge.sign_and_compare(*table, Kind::library);
    holder->release();
  }
}

// The service may be killed at any time; a lease that was given goes on without it.
void read_over_the_socket(const Scene& scene) {
  Judge judge(scene);
  const auto holder = must(lease::SocketSource(scene.socket()).open_holder());
  while (begin_request(*scene.shared)) {
    auto table = holder->acquire(wait_max);
    while (!table) {
      if (scene.shared->left <= 0) return;  // the service has gone home
      ++scene.shared->no_service;
      std::this_thread::sleep_for(busy_pause);
      table = holder->acquire(wait_max);
    }
    judge.sign_and_compare(*table, Kind::socket);
    holder->release();
  }
}

// Below: what the kernel's document says (Documentation/virt/kvm/api.rst, KVM_EXIT_SNP_REQ_CERTS),
// and nothing of this project but the judge.
bool lock_shared(int fd) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void unlock(int fd) {
  struct flock lock {};
  lock.l_type = F_UNLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) throw std::runtime_error("cannot unlock");
}

Bytes read_all(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw std::runtime_error("cannot stat what is locked");
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  if (::pread(fd, bytes.data(), bytes.size(), 0) != status.st_size) {
    throw std::runtime_error("the blob is shorter than its size");
  }
  return bytes;
}

// Open, lock, stat, compare, read, use, close. False: not now.
bool open_lock_and_use(const Scene& scene, Judge& judge) {
  const UniqueFd fd(::open(scene.blob().c_str(), O_RDONLY | O_CLOEXEC));
  struct stat locked {};
  struct stat named {};
  if (!fd || !lock_shared(fd.get()) || ::fstat(fd.get(), &locked) != 0 ||
      ::stat(scene.blob().c_str(), &named) != 0 || locked.st_ino != named.st_ino ||
      locked.st_dev != named.st_dev) {
    return false;
  }
  judge.sign_and_compare(read_all(fd.get()), Kind::foreign);
  return true;
}

bool lock_and_use(int fd, Judge& judge) {
  if (!lock_shared(fd)) return false;
  judge.sign_and_compare(read_all(fd), Kind::foreign_keeping);
  unlock(fd);
  return true;
}

template <class Use>
void read_as_a_stranger(const Scene& scene, Use use) {
  while (begin_request(*scene.shared)) {
    while (!use()) {
      ++scene.shared->busy;
      std::this_thread::sleep_for(busy_pause);
    }
    std::this_thread::sleep_for(foreign_pause);
  }
}

}  // namespace

void read_requests(const Scene& scene, Kind kind) {
  if (kind == Kind::library) return read_through_the_library(scene);
  if (kind == Kind::socket) return read_over_the_socket(scene);
  Judge judge(scene);
  if (kind == Kind::foreign) {
    return read_as_a_stranger(scene, [&] { return open_lock_and_use(scene, judge); });
  }
  const UniqueFd kept(::open(scene.blob().c_str(), O_RDONLY | O_CLOEXEC));
  read_as_a_stranger(scene, [&] { return lock_and_use(kept.get(), judge); });
}

}  // namespace extreq::soak
