// The file calls that readers and the writer of the certificate blob share. doc/lock.md explains
// the protocol.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace extreq::lease {

// Which file it is, whatever its name.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

struct FileStatus {
  FileIdentity identity;
  std::uint64_t size = 0;
};

// An open file description of its own, closed on exec.
struct OpenFile {
  UniqueFd fd;
  FileIdentity identity;
};

enum class Access : std::uint8_t { read, write };  // write includes reading

inline constexpr unsigned blob_file_mode = 0640;  // who can read it can hold up updates

// Never creates and never waits (a FIFO under that name does not stop us).
// Failure: not_found; io; invalid_input if it is no regular file.
[[nodiscard]] Result<OpenFile> open_file(const std::string& path, Access access);

// Opens for writing, after creating an empty file of blob_file_mode (whatever the umask) if there
// is none. Its folder must exist.
[[nodiscard]] Result<OpenFile> open_or_create_file(const std::string& path);

// What the path names now. 0 or errno; does not allocate.
[[nodiscard]] int file_status(const std::string& path, FileStatus& status) noexcept;
[[nodiscard]] int file_status(int fd, FileStatus& status) noexcept;

// Reads from offset 0 until `bytes` are full or the file ends; gives how many were read, or minus
// errno. Does not allocate.
[[nodiscard]] ssize_t read_at_start(int fd, MutableByteView bytes) noexcept;

// Writes all of `bytes`. 0 or errno. Does not allocate.
[[nodiscard]] int write_at(int fd, std::uint64_t offset, ByteView bytes) noexcept;

}  // namespace extreq::lease
