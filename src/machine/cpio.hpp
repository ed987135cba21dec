// CpioArchive: writes the archive that Linux unpacks into its first root file system.
//
// Format: "newc" (Linux Documentation/driver-api/early-userspace/buffer-format.rst). The archive is
// reproducible: owner root, time 0, i-node numbers in order.
// Threading: one archive, one thread.
#pragma once

#include <string_view>

#include "base/byte_builder.hpp"

namespace extreq::machine {

class CpioArchive {
 public:
  // Paths have no leading slash. A folder must be added before what is in it.
  void add_directory(std::string_view path, unsigned mode = 0755);
  void add_file(std::string_view path, ByteView content, unsigned mode = 0644);
  void add_symlink(std::string_view path, std::string_view target);
  void add_character_device(std::string_view path, unsigned major, unsigned minor,
                            unsigned mode = 0600);

  // The whole archive, with its end mark. The object is empty afterwards.
  [[nodiscard]] Bytes finish();

 private:
  struct Device {
    unsigned major = 0;
    unsigned minor = 0;
  };
  void add(std::string_view path, unsigned mode, ByteView content, Device device);

  ByteBuilder archive_;
  unsigned next_inode_ = 1;
};

}  // namespace extreq::machine
