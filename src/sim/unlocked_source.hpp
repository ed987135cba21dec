// UnlockedSource: reads the certificate blob without its lock. It keeps no promise of a
// CertificateSource: it is what a VMM without the protocol would do, and shows what the lock is
// for.
//
// Threading: as CertificateSource.
#pragma once

#include <string>

#include "lease/certificate_source.hpp"

namespace extreq::sim {

class UnlockedSource final : public lease::CertificateSource {
 public:
  explicit UnlockedSource(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Result<std::unique_ptr<lease::Holder>> open_holder() override;

 private:
  std::string path_;
};

}  // namespace extreq::sim
