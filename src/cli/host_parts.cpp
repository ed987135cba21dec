#include "cli/host_parts.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/try.hpp"
#include "cli/inputs.hpp"
#include "firmware/dev_sev.hpp"

namespace extreq::cli {
namespace {

constexpr std::string_view default_blob_path = "/run/extreq/certs/host.blob";
constexpr unsigned longest_wait_seconds = 3600;

Status add_trusted_file(const std::string& path, attestation::TrustAnchors& anchors) {
  EXTREQ_TRY_ASSIGN(const auto certificates, read_certificates(path));
  bool found = false;
  for (const auto& certificate : certificates) {
    if (anchors.add(certificate)) found = true;
  }
  if (found) return {};
  return fail(Code::invalid_input, "{}: no root in it: no certificate is its own issuer", path);
}

}  // namespace

void add_platform_options(CLI::App& verb, HostOptions& options) {
  auto* const model =
      verb.add_option("--platform", options.platform, "A model platform's folder, made if missing")
          ->type_name("DIR");
  options.device = abi::sev::device_path;
  verb.add_option("--device", options.device, "The secure processor's device")
      ->type_name("FILE")
      ->capture_default_str()
      ->excludes(model);
  verb.add_option("--csp-id", options.csp_id,
                  "The provider whose VLEK is loaded or will be, as the CSP_ID of its certificates "
                  "has it; the firmware does not report it")
      ->type_name("NAME");
}

void add_certificate_options(CLI::App& verb, HostOptions& options) {
  verb.add_option("--store", options.store,
                  "The store of certificates; without it: " +
                      std::string(host::default_store_path) + ", or in the model's folder")
      ->type_name("FILE");
  verb.add_option("--trust", options.trust,
                  "A root to trust beside AMD's pinned ones, DER or PEM; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  auto* const offline =
      verb.add_flag("--offline", options.offline, "Ask no key service: the store alone");
  verb.add_option("--kds-url", options.kds_url,
                  "The key service or what stands in for it; without it: " +
                      std::string(abi::kds::default_base_url) + ", or the model's own")
      ->type_name("URL")
      ->excludes(offline);
  verb.add_option("--proxy", options.proxy,
                  "Proxy for the key service, or \"none\"; without it: as the environment says")
      ->type_name("URL");
  verb.add_option("--tls-ca", options.tls_ca, "Who may speak for the key service, PEM")
      ->type_name("FILE");
  verb.add_option("--client-cert", options.client_cert, "Who we are to the key service, PEM")
      ->type_name("FILE");
  verb.add_option("--client-key", options.client_key, "The key of --client-cert, PEM")
      ->type_name("FILE");
  verb.add_option("--kds-wait", options.kds_wait, "How long to wait for the key service")
      ->type_name("SECONDS")
      ->check(CLI::Range(1U, longest_wait_seconds))
      ->capture_default_str();
}

std::string store_path(const HostOptions& options) {
  if (!options.store.empty()) return options.store;
  if (!options.platform.empty()) return options.platform + "/certificates.db";
  return std::string(host::default_store_path);
}

std::string blob_path(const HostOptions& options) {
  if (!options.blob.empty()) return options.blob;
  if (!options.platform.empty()) return options.platform + "/host.blob";
  return std::string(default_blob_path);
}

Result<HostPlatform> open_platform(const HostOptions& options) {
  HostPlatform platform;
  if (options.platform.empty()) {
    EXTREQ_TRY_ASSIGN(platform.platform, firmware::DevSev::open(options.device));
    platform.platform->set_vlek_provider(options.csp_id);
    return platform;
  }
  EXTREQ_TRY_ASSIGN(auto model,
                    firmware::model::SecureProcessor::open_or_install(options.platform));
  platform.model = model.get();
  platform.platform = std::move(model);
  platform.platform->set_vlek_provider(options.csp_id);
  return platform;
}

Result<attestation::TrustAnchors> trust_anchors(const HostOptions& options,
                                                const HostPlatform& platform) {
  attestation::TrustAnchors anchors;
  for (const std::string& file : options.trust) EXTREQ_TRY(add_trusted_file(file, anchors));
  if (platform.model != nullptr) EXTREQ_TRY(anchors.add(platform.model->kds().ark()));
  return anchors;
}

Result<std::unique_ptr<HostParts>> HostParts::open(const HostOptions& options) {
  std::unique_ptr<HostParts> parts(new HostParts);
  EXTREQ_TRY_ASSIGN(parts->platform_, open_platform(options));
  EXTREQ_TRY_ASSIGN(parts->anchors_, trust_anchors(options, parts->platform_));
  EXTREQ_TRY_ASSIGN(parts->store_, host::SqliteStore::open(store_path(options)));
  host::KdsOptions kds;
  if (!options.kds_url.empty()) kds.base_url = options.kds_url;
  if (parts->model() != nullptr && options.kds_url.empty()) {
    sim::ModelKdsOptions model;
    if (!options.csp_id.empty()) model.csp_id = options.csp_id;
    parts->model_kds_ = std::make_unique<sim::ModelKds>(parts->model()->kds(), model);
    parts->http_ = std::make_unique<sim::ModelKdsHttp>(*parts->model_kds_);
    kds.leaf_interval = {};
  } else {
    parts->http_ = std::make_unique<host::CurlHttpClient>(
        host::CurlOptions{options.proxy, options.tls_ca, options.client_cert, options.client_key});
  }
  if (!options.offline) parts->kds_ = std::make_unique<host::KdsClient>(*parts->http_, kds);
  host::ProviderOptions provider;
  provider.max_wait = std::chrono::seconds(options.kds_wait);
  provider.on_store_failure = [](const Error& error) {
    fmt::print(stderr, "extreq: not stored: {}\n", error.message);
  };
  parts->tables_ = std::make_unique<host::TableProvider>(*parts->store_, parts->kds_.get(),
                                                         parts->anchors_, std::move(provider));
  return parts;
}

}  // namespace extreq::cli
