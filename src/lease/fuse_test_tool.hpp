// CountingFile: an open file of a FUSE file system whose daemon is this test, and counts the FLUSH
// requests that each close(2) of such a file sends. A hostile daemon would leave them unanswered,
// and close() would never return: so whoever closes one can be stopped for good.
#pragma once

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary_directory.hpp"
#include "base/unique_fd.hpp"

namespace extreq::lease::test {

class CountingFile {
 public:
  // nullopt where this process may not mount FUSE file systems.
  static std::optional<UniqueFd> open_at(const std::string& folder, CountingFile& daemon) {
    daemon.device_ = UniqueFd(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    if (!daemon.device_) return std::nullopt;
    const std::string options = "fd=" + std::to_string(daemon.device_.get()) +
                                ",rootmode=40000,user_id=" + std::to_string(::getuid()) +
                                ",group_id=" + std::to_string(::getgid());
    if (::mount("extreq-test", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) !=
        0) {
      return std::nullopt;
    }
    daemon.folder_ = folder;
    daemon.thread_ = std::thread([&daemon] { daemon.serve(); });
    UniqueFd file(::open((folder + "/file").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    return file;
  }

  CountingFile() = default;
  ~CountingFile() {
    if (!folder_.empty()) ::umount2(folder_.c_str(), MNT_DETACH);  // ends the daemon's read
    if (thread_.joinable()) thread_.join();
  }
  CountingFile(const CountingFile&) = delete;
  CountingFile& operator=(const CountingFile&) = delete;
  CountingFile(CountingFile&&) = delete;
  CountingFile& operator=(CountingFile&&) = delete;

  [[nodiscard]] int flushes() const noexcept { return flushes_; }

 private:
  static constexpr std::uint64_t file_node = 2;

  static fuse_attr attributes(std::uint64_t node) {
    fuse_attr attr{};
    attr.ino = node;
    attr.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755U : S_IFREG | 0666U;
    attr.nlink = 1;
    attr.uid = ::getuid();
    attr.gid = ::getgid();
    return attr;
  }
  void reply(std::uint64_t unique, int error, const void* body, std::size_t size) const {
    std::array<std::uint8_t, 512> packet{};
    fuse_out_header header{};
    header.len = static_cast<std::uint32_t>(sizeof header + size);
    header.error = error;
    header.unique = unique;
    std::memcpy(packet.data(), &header, sizeof header);
    if (size != 0) std::memcpy(packet.data() + sizeof header, body, size);
    static_cast<void>(!::write(device_.get(), packet.data(), header.len));
  }
  void serve() {
    static std::array<std::uint8_t, 1U << 17U> buffer;  // one daemon at a time
    for (;;) {
      const ssize_t size = ::read(device_.get(), buffer.data(), buffer.size());
      if (size < 0 && (errno == EINTR || errno == ENOENT)) continue;
      fuse_in_header request{};
      if (size < static_cast<ssize_t>(sizeof request)) return;
      std::memcpy(&request, buffer.data(), sizeof request);
      if (!answer(request)) return;
    }
  }
  // False: the file system is gone.
  bool answer(const fuse_in_header& request) {
    switch (request.opcode) {
      case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = 31;
        out.max_write = 4096;
        reply(request.unique, 0, &out, sizeof out);
        return true;
      }
      case FUSE_LOOKUP: {
        fuse_entry_out out{};
        out.nodeid = file_node;
        out.attr = attributes(file_node);
        reply(request.unique, 0, &out, sizeof out);
        return true;
      }
      case FUSE_GETATTR: {
        fuse_attr_out out{};
        out.attr = attributes(request.nodeid);
        reply(request.unique, 0, &out, sizeof out);
        return true;
      }
      case FUSE_OPEN: {
        const fuse_open_out out{};
        reply(request.unique, 0, &out, sizeof out);
        return true;
      }
      case FUSE_FLUSH:
        ++flushes_;
        reply(request.unique, 0, nullptr, 0);
        return true;
      case FUSE_RELEASE:
        reply(request.unique, 0, nullptr, 0);
        return true;
      case FUSE_DESTROY:
        return false;
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return true;
      default:
        reply(request.unique, -ENOSYS, nullptr, 0);
        return true;
    }
  }

  UniqueFd device_;
  std::string folder_;
  std::atomic<int> flushes_{0};
  std::thread thread_;
};

}  // namespace extreq::lease::test
