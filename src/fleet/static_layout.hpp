// StaticLayout: the leaves that are known as files that a web server hands out by itself
// (packaging/nginx, doc/fleet.md).
//
//   {folder}{the path of the request, with its query, as AMD writes it}
//
// So a web server finds a file without taking the request apart, and what is asked for in another
// spelling has none. No folder's name has a '?': what a client writes behind its '?' leads nowhere
// else, not even with "/..".
// A file that is there never changes. Each is written beside its place and renamed: a reader finds
// it whole or not at all. VLEKs are not laid out: their path does not say whose they are.
// Threading: any thread, any number of processes.
#pragma once

#include <string>

#include "host/certificate_key.hpp"

namespace extreq::fleet {

class StaticLayout {
 public:
  explicit StaticLayout(std::string folder) : folder_(std::move(folder)) {}

  // Where the leaf's file is. Failure: as host::kds_path; unsupported for a VLEK.
  [[nodiscard]] Result<std::string> path_of(const host::CertificateKey& key) const;

  // Effect: writes the file, unless it is there. Failure: as path_of; io.
  [[nodiscard]] Status publish(const host::CertificateKey& key,
                               const crypto::Certificate& leaf) const;

 private:
  std::string folder_;
};

}  // namespace extreq::fleet
