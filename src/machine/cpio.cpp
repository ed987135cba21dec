#include "machine/cpio.hpp"

#include <utility>

#include <sys/stat.h>

namespace extreq::machine {
namespace {

constexpr std::size_t alignment = 4;
constexpr const char* trailer = "TRAILER!!!";

void pad(ByteBuilder& archive) {
  archive.zeros((alignment - archive.size() % alignment) % alignment);
}

}  // namespace

void CpioArchive::add(std::string_view path, unsigned mode, ByteView content, Device device) {
  const std::string header = fmt::format(
      "070701"
      "{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
      next_inode_++, mode, 0, 0, 1, 0, content.size(), 0, 0, device.major, device.minor,
      path.size() + 1, 0);
  archive_.bytes(to_bytes(header)).bytes(to_bytes(path)).u8(0);
  pad(archive_);
  archive_.bytes(content);
  pad(archive_);
}

void CpioArchive::add_directory(std::string_view path, unsigned mode) {
  add(path, S_IFDIR | mode, {}, {});
}

void CpioArchive::add_file(std::string_view path, ByteView content, unsigned mode) {
  add(path, S_IFREG | mode, content, {});
}

void CpioArchive::add_symlink(std::string_view path, std::string_view target) {
  add(path, S_IFLNK | 0777, to_bytes(target), {});
}

void CpioArchive::add_character_device(std::string_view path, unsigned major, unsigned minor,
                                       unsigned mode) {
  add(path, S_IFCHR | mode, {}, {major, minor});
}

Bytes CpioArchive::finish() {
  next_inode_ = 0;
  add(trailer, 0, {}, {});
  next_inode_ = 1;
  return archive_.take();
}

}  // namespace extreq::machine
