// What `extreq doctor` looks at: whether this machine has what the host side, or the guest side,
// stands on.
#pragma once

#include <string>

#include "host/check_line.hpp"

namespace extreq::host {

struct DoctorPaths {
  std::string root = {};  // before the paths of devices, /sys and /proc; tests have their own
  bool model = false;     // a model platform: no device is wanted
  std::string blob = {};
  std::string store = {};
  std::string socket = {};  // empty: not asked for
};

// Devices, kernel modules, KVM's sev_snp, folder and mode of the blob, the store's folder, the
// service's socket. Effect: reads only, but for a connection to the socket. Never fails.
[[nodiscard]] CheckLines examine_host(const DoctorPaths& paths);

// /dev/sev-guest, its module, configfs-tsm.
[[nodiscard]] CheckLines examine_guest(const DoctorPaths& paths);

}  // namespace extreq::host
