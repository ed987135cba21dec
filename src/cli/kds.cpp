// extreq kds: what AMD's key service has, where it has it, and a model of it.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "cli/host_parts.hpp"
#include "cli/verbs.hpp"
#include "host/crl_check.hpp"
#include "host/crl_refresher.hpp"
#include "host/kds_path.hpp"
#include "host/tcb_text.hpp"
#include "sim/model_kds_server.hpp"

namespace extreq::cli {
namespace {

using host::CertificateKey;
using host::KdsObject;
using host::KeyKind;

// Which certificate: this machine's (or a model's), or one that is spelled out.
struct KeyOptions {
  std::string product;
  std::string chip_id;
  std::string tcb;
  bool vlek = false;
  bool vcek = false;
};

void add_key_options(CLI::App& verb, KeyOptions& key) {
  auto* const product =
      verb.add_option("--product", key.product,
                      "Milan, Genoa (Bergamo and Siena are that too), Turin; without it: what this "
                      "machine signs with now")
          ->type_name("NAME");
  verb.add_option("--chip-id", key.chip_id, "64 bytes, Turin's 8 (or 64 with zeros behind them)")
      ->type_name("HEX")
      ->needs(product);
  verb.add_option("--tcb", key.tcb,
                  "The reported TCB: bl=4,tee=0,snp=22,ucode=213 (Turin: fmc=1 too) or 0x...")
      ->type_name("TCB");
  auto* const vcek = verb.add_flag("--vcek", key.vcek, "The VCEK, whatever signs now");
  verb.add_flag("--vlek", key.vlek, "The VLEK, whatever signs now")->excludes(vcek);
}

Result<Bytes> parse_chip_id(const std::string& text, attestation::Product product) {
  EXTREQ_TRY_ASSIGN(Bytes chip_id, from_hex(text));
  const std::size_t size = host::chip_id_size(product);
  if (chip_id.size() > size && all_zero(ByteView(chip_id).subspan(size))) chip_id.resize(size);
  if (chip_id.size() == size) return chip_id;
  return fail(Code::invalid_input, "--chip-id: {} bytes, {}'s have {}", chip_id.size(),
              attestation::kds_name(product), size);
}

Result<CertificateKey> spelled_key(const KeyOptions& options, const std::string& csp_id) {
  CertificateKey key;
  EXTREQ_TRY_ASSIGN(key.product, attestation::product_from_name(options.product));
  EXTREQ_TRY_ASSIGN(key.tcb, host::parse_tcb(options.tcb, key.product));
  if (options.vlek) {
    key.kind = KeyKind::vlek;
    key.holder = to_bytes(csp_id);
    return key;
  }
  EXTREQ_TRY_ASSIGN(key.holder, parse_chip_id(options.chip_id, key.product));
  return key;
}

Result<CertificateKey> chosen_key(const KeyOptions& options, const HostOptions& host_options) {
  if (!options.product.empty()) return spelled_key(options, host_options.csp_id);
  EXTREQ_TRY_ASSIGN(const auto platform, open_platform(host_options));
  EXTREQ_TRY_ASSIGN(auto state, host::read_signing_state(*platform.platform));
  if (options.vcek) state = host::without_vlek(std::move(state));
  if (options.vlek) {
    state.vlek_loaded = true;
    state.csp_id = host_options.csp_id;
  }
  if (!options.tcb.empty()) {
    EXTREQ_TRY_ASSIGN(const auto tcb, host::parse_tcb(options.tcb, state.product));
    state.reported_tcb = attestation::encode_tcb(tcb);
  }
  return host::key_for(state);
}

struct KdsOptions {
  HostOptions host;
  KeyOptions key;
};

int refuse(const char* verb, const Error& error) {
  fmt::print(stderr, "extreq kds {}: {}\n", verb, error.message);
  return error.code == Code::invalid_input ? exit_usage : exit_unreadable;
}

Status print_urls(const KdsOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto key, chosen_key(options.key, options.host));
  const std::string base =
      options.host.kds_url.empty() ? std::string(abi::kds::default_base_url) : options.host.kds_url;
  for (const auto object : {KdsObject::leaf, KdsObject::cert_chain, KdsObject::crl}) {
    EXTREQ_TRY_ASSIGN(const auto path, host::kds_path({object, key}));
    fmt::print("{}\n", host::kds_url(base, path));
  }
  return {};
}

// As new as can be had. Where one is at hand, or the service has none, a failure is no more than
// said.
Status fetch_crl(HostParts& parts, const CertificateKey& key, unsigned wait_seconds) {
  if (parts.kds() == nullptr) return {};
  host::CrlRefresher refresher(parts.store(), *parts.kds(), parts.anchors(),
                               {.max_wait = std::chrono::seconds(wait_seconds)});
  const auto done = refresher.refresh(key.product, key.kind);
  if (done) {
    fmt::print("stored: {}\n", host::to_text(done->crl));
    return {};
  }
  EXTREQ_TRY_ASSIGN(const auto content, parts.store().content());
  const bool at_hand = std::ranges::any_of(content.crls, [&](const host::StoredCrl& crl) {
    return crl.product == key.product && crl.kind == key.kind &&
           system_clock().utc() <= crl.next_update;
  });
  if (!at_hand && done.error().code != Code::not_found) return tl::unexpected(done.error());
  fmt::print(stderr, "extreq kds fetch: no newer CRL: {}\n", done.error().message);
  return {};
}

Status fetch(const KdsOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto parts, HostParts::open(options.host));
  EXTREQ_TRY_ASSIGN(const auto key, chosen_key(options.key, options.host));
  EXTREQ_TRY(parts->tables().prefetch(key));
  fmt::print("stored: {}\n", host::to_text(key));
  return fetch_crl(*parts, key, options.host.kds_wait);
}

struct ServeOptions {
  std::string platform;
  std::string address = "127.0.0.1";
  int port = 0;
  std::string csp_id = sim::ModelKdsOptions().csp_id;
  unsigned leaf_interval = 0;
  std::vector<std::string> faults;
};

Status serve(const ServeOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto model,
                    firmware::model::SecureProcessor::open_or_install(options.platform));
  sim::ModelKdsOptions kds_options;
  kds_options.csp_id = options.csp_id;
  kds_options.leaf_interval = std::chrono::seconds(options.leaf_interval);
  sim::ModelKds kds(model->kds(), kds_options);
  for (const std::string& text : options.faults) {
    EXTREQ_TRY_ASSIGN(const auto fault, sim::parse_kds_fault(text));
    kds.faults().add(fault);
  }
  // Blocked before any thread starts, so that all of them have it so.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  EXTREQ_TRY_ASSIGN(const auto server,
                    sim::ModelKdsServer::start(kds, options.address, options.port));
  fmt::print("{}\n", server->url());
  std::fflush(stdout);
  while (::sigwaitinfo(&signals, nullptr) < 0 && errno == EINTR) {
  }
  return {};
}

void add_url(CLI::App& kds, int& exit_code) {
  auto options = std::make_shared<KdsOptions>();
  CLI::App* const verb = kds.add_subcommand(
      "url", "Print the URLs of leaf, chain and CRL: what to fetch on another machine");
  add_key_options(*verb, options->key);
  add_platform_options(*verb, options->host);
  verb->add_option("--kds-url", options->host.kds_url, "The key service; without it: AMD's")
      ->type_name("URL");
  verb->callback([options, &exit_code] {
    const auto done = print_urls(*options);
    exit_code = done ? int{exit_ok} : refuse("url", done.error());
  });
}

void add_fetch(CLI::App& kds, int& exit_code) {
  auto options = std::make_shared<KdsOptions>();
  CLI::App* const verb = kds.add_subcommand(
      "fetch",
      "Make sure that the store has a certificate, its chain and the newest CRL: verified, then "
      "stored");
  add_key_options(*verb, options->key);
  add_platform_options(*verb, options->host);
  add_certificate_options(*verb, options->host);
  verb->callback([options, &exit_code] {
    const auto done = fetch(*options);
    exit_code = done ? int{exit_ok} : refuse("fetch", done.error());
  });
}

void add_serve(CLI::App& kds, int& exit_code) {
  constexpr int highest_port = 65535;
  auto options = std::make_shared<ServeOptions>();
  CLI::App* const verb = kds.add_subcommand(
      "serve", "Serve a model platform's certificates at AMD's paths; prints its URL");
  verb->add_option("--platform", options->platform, "The model platform's folder, made if missing")
      ->type_name("DIR")
      ->required();
  verb->add_option("--address", options->address, "Where to listen")->capture_default_str();
  verb->add_option("--port", options->port, "0: a free one")
      ->check(CLI::Range(0, highest_port))
      ->capture_default_str();
  verb->add_option("--csp-id", options->csp_id, "Whose VLEKs it gives out")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--leaf-interval", options->leaf_interval,
                   "Answer 429 to more than one leaf in so long; AMD's is about 10")
      ->type_name("SECONDS");
  verb->add_option("--fault", options->faults,
                   "429, 429:30 (Retry-After), 503, slow:5, truncated, garbage, wrong-chip, "
                   "wrong-tcb, expired, other-root, older (a CRL), huge; then *3 (times; *0: "
                   "always), then @leaf, "
                   "@chain or @crl; may be repeated")
      ->type_name("FAULT")
      ->allow_extra_args(false);
  verb->callback([options, &exit_code] {
    const auto done = serve(*options);
    exit_code = done ? int{exit_ok} : refuse("serve", done.error());
  });
}

}  // namespace

void add_kds(CLI::App& app, int& exit_code) {
  CLI::App* const kds =
      app.add_subcommand("kds", "AMD's key service: its URLs, what it has, a model");
  kds->require_subcommand(1);
  add_url(*kds, exit_code);
  add_fetch(*kds, exit_code);
  add_serve(*kds, exit_code);
}

}  // namespace extreq::cli
