// PipeliningServer: an httplib::Server that keeps what it has read ahead of an answer for the next
// request of the connection (RFC 9112 section 9.3.2). httplib's own forgets it: a client that sends
// two requests at once would wait for the second answer until the connection is given up.
//
// A connection ends when nothing comes for the patience, when its last request is answered, when a
// request cannot be read whole (what follows it could be taken for another one), and when the
// server stops. Threading: as httplib::Server.
#pragma once

#include <array>
#include <chrono>

#include <httplib.h>

namespace extreq::fleet {

class PipeliningServer final : public httplib::Server {
 public:
  // `patience`: for a peer to send or take a byte.
  explicit PipeliningServer(std::chrono::seconds patience) : patience_(patience) {}

 private:
  bool process_and_close_socket(socket_t socket) override;

  std::chrono::seconds patience_;
};

}  // namespace extreq::fleet
