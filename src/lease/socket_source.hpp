// SocketSource: certificates from the host service's socket, for VMMs that may not open the blob
// (doc/socket.md).
//
// Effect of a lease: the promise of BlobSource, made by the service: it holds the documented lock
// on a file description of its own for each connection. This process gets a duplicate of the
// descriptor, so the lock outlives a service that dies, and ends with release(), with this process,
// or with the connection.
// Cost: three system calls and the service's wake-up; the table comes only when it changed.
// Failure of acquire(): as BlobSource's, in the service's words; not_found where nobody listens;
// busy where no answer came in time; invalid_input for an answer that breaks the protocol. The
// connection is given up then and made anew by the next acquire().
#pragma once

#include <memory>
#include <string>

#include "lease/certificate_source.hpp"
#include "lease/table_shape.hpp"

namespace extreq::lease {

struct SocketSourceOptions {
  std::size_t size_limit = table_size_limit;
  // How much longer than acquire()'s own limit an answer may take: the service waits that limit.
  Clock::Duration grace = std::chrono::seconds(1);
};

class SocketSource final : public CertificateSource {
 public:
  // Touches nothing yet.
  explicit SocketSource(std::string path, SocketSourceOptions options = {});

  // Connects once for this holder. A service that is not there yet is no failure here.
  [[nodiscard]] Result<std::unique_ptr<Holder>> open_holder() override;

 private:
  std::string path_;
  SocketSourceOptions options_;
};

}  // namespace extreq::lease
