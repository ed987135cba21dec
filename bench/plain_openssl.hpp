// The peer of the benchmarks: the checks of attestation::verify() written the straightforward way
// on OpenSSL's X.509 and EVP interfaces, as most verifiers are. Nothing clever, nothing left out:
// chain of three, roots by SHA-256 or by bytes, validity, CA flags, extensions against the report,
// and the report's signature. It says yes or no, and gives no reasons.
//
// Threading: const objects may be used from any number of threads.
#pragma once

#include <chrono>
#include <memory>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/bytes.hpp"

namespace extreq::bench {

struct PlainEvidence {
  ByteView report;
  ByteView leaf;
  ByteView intermediate;
  ByteView root;
};

// A leaf whose chain was verified, with its key parsed.
class PlainLeaf {
 public:
  // Parses and verifies the chain. `trusted_root` is the DER of the root that counts.
  // nullptr: not genuine.
  [[nodiscard]] static std::unique_ptr<PlainLeaf> verify_chain(const PlainEvidence& evidence,
                                                               ByteView trusted_root,
                                                               std::chrono::sys_seconds at);

  // One report under it.
  [[nodiscard]] bool verify_report(ByteView report, std::chrono::sys_seconds at) const;

 private:
  struct FreeX509 {
    void operator()(X509* x509) const noexcept { X509_free(x509); }
  };
  using Certificate = std::unique_ptr<X509, FreeX509>;
  PlainLeaf() = default;

  Certificate leaf_;
  Certificate intermediate_;
  Certificate root_;
};

// All of it at once, nothing parsed before.
[[nodiscard]] bool plain_one_shot(const PlainEvidence& evidence, ByteView trusted_root,
                                  std::chrono::sys_seconds at);

}  // namespace extreq::bench
