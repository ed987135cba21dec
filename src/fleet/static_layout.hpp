// StaticLayout: the leaves that are known as files that a web server hands out by itself
// (packaging/nginx, doc/fleet.md).
//
//   {folder}/vcek/v1/{product}/{first two digits of the chip id}/{chip id}-{SPLs}.der
//
// The SPLs are the values of the path's query in its order, as it writes them, with '-' between.
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
