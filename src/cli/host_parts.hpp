// What the verbs of the host side stand on: a platform, a store, and the key service, from one set
// of options with one spelling.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "firmware/model/secure_processor.hpp"
#include "firmware/platform.hpp"
#include "host/http_curl.hpp"
#include "host/kds_client.hpp"
#include "host/provider.hpp"
#include "host/store_sqlite.hpp"
#include "sim/model_kds.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct HostOptions {
  std::string platform;            // a model's folder; empty: the device
  std::string device;              // /dev/sev
  std::string store;               // empty: default_store()
  std::string blob;                // empty: default_blob()
  std::vector<std::string> trust;  // roots beside AMD's
  std::string kds_url;             // empty: AMD's, or the model's own
  std::string proxy;
  std::string tls_ca;
  std::string client_cert;
  std::string client_key;
  std::string csp_id;
  bool offline = false;
  unsigned kds_wait = 60;  // seconds
};

// Effect: adds --platform, --device, --csp-id.
void add_platform_options(CLI::App& verb, HostOptions& options);
// Effect: adds --store, --trust, --kds-url, --proxy, --tls-ca, --client-cert, --client-key,
// --offline, --kds-wait.
void add_certificate_options(CLI::App& verb, HostOptions& options);

// In the model's folder with --platform, else where a system has them.
[[nodiscard]] std::string store_path(const HostOptions& options);
[[nodiscard]] std::string blob_path(const HostOptions& options);

// The model or /dev/sev. `model` is the first one, else nullptr.
struct HostPlatform {
  std::unique_ptr<firmware::Platform> platform;
  firmware::model::SecureProcessor* model = nullptr;
};
[[nodiscard]] Result<HostPlatform> open_platform(const HostOptions& options);

// AMD's roots, those of --trust and, with --platform, the model's.
[[nodiscard]] Result<attestation::TrustAnchors> trust_anchors(const HostOptions& options,
                                                              const HostPlatform& platform);

// A platform with everything behind its certificates. Without --kds-url a model platform's key
// service is its own, with no network in between.
// Lifetime: owns its parts. Threading: as its parts.
class HostParts {
 public:
  // Failure: that of the part that cannot be had, which it names.
  [[nodiscard]] static Result<std::unique_ptr<HostParts>> open(const HostOptions& options);

  [[nodiscard]] firmware::Platform& platform() noexcept { return *platform_.platform; }
  [[nodiscard]] firmware::model::SecureProcessor* model() noexcept { return platform_.model; }
  [[nodiscard]] host::CertificateStore& store() noexcept { return *store_; }
  [[nodiscard]] host::KdsClient* kds() noexcept { return kds_.get(); }  // nullptr: --offline
  [[nodiscard]] host::TableProvider& tables() noexcept { return *tables_; }
  [[nodiscard]] const attestation::TrustAnchors& anchors() const noexcept { return anchors_; }

 private:
  HostParts() = default;

  HostPlatform platform_;
  attestation::TrustAnchors anchors_;
  std::unique_ptr<host::CertificateStore> store_;
  std::unique_ptr<sim::ModelKds> model_kds_;
  std::unique_ptr<host::HttpClient> http_;
  std::unique_ptr<host::KdsClient> kds_;
  std::unique_ptr<host::TableProvider> tables_;
};

}  // namespace extreq::cli
