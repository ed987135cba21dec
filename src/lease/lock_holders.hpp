// Who holds a lock on a file: for messages to operators, never for decisions.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "lease/blob_file.hpp"
#include "lease/ofd_lock.hpp"

namespace extreq::lease {

struct LockHolder {
  pid_t process = 0;
  std::string command;  // its name, as in /proc/PID/comm
  int descriptor = -1;
  LockMode mode = LockMode::shared;
};

// Effect: looks through /proc/PID/fd and fdinfo of every process for descriptors of this file
// whose description holds a lock. A description that several processes share is listed with each.
// Processes that this user may not look into are missing. Takes milliseconds; never fails.
[[nodiscard]] std::vector<LockHolder> find_lock_holders(const FileIdentity& file);

// "process 1234 (qemu-system-x86), descriptor 17, shared lock; ..."
[[nodiscard]] std::string describe(const std::vector<LockHolder>& holders);

}  // namespace extreq::lease
