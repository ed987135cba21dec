// GuestDevices: what a guest has beside processor, memory and serial ports.
#pragma once

#include <string>

namespace extreq::machine {

struct GuestDevices {
  bool network = false;  // user networking behind virtio-net
  std::string share;     // a folder of the host, behind virtio-9p; empty: none
};

}  // namespace extreq::machine
