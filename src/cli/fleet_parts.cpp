#include "cli/fleet_parts.hpp"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "base/try.hpp"
#include "cli/inputs.hpp"
#include "cli/seconds.hpp"
#include "crypto/random.hpp"
#include "fleet/memory_ledger.hpp"
#include "fleet/postgres_schema.hpp"
#include "fleet/sqlite_records.hpp"
#include "host/store_sqlite.hpp"

namespace extreq::cli {
namespace {

constexpr unsigned database_connections = 8;

// "NAME", "NAME=proxy:URL", "NAME=source:ADDRESS".
struct RouteText {
  std::string name;
  host::CurlOptions client;
};

Result<RouteText> parse_route(const std::string& text, const FleetOptions& options) {
  RouteText route;
  route.client.ca_file = options.tls_ca;
  route.client.client_cert = options.client_cert;
  route.client.client_key = options.client_key;
  const std::size_t equals = text.find('=');
  route.name = text.substr(0, equals);
  const std::string way = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (way.starts_with("proxy:")) {
    route.client.proxy = way.substr(6);
  } else if (way.starts_with("source:")) {
    route.client.source_address = way.substr(7);
  } else if (equals != std::string::npos || route.name.empty()) {
    return fail(Code::invalid_input,
                "--route {}: wanted NAME, NAME=proxy:URL or NAME=source:ADDRESS", text);
  }
  return route;
}

Result<attestation::TrustAnchors> anchors_of(const FleetOptions& options) {
  attestation::TrustAnchors anchors;
  for (const std::string& file : options.trust) {
    EXTREQ_TRY_ASSIGN(const auto roots, read_certificates(file));
    for (const auto& root : roots) {
      if (root.issued_by_name(root)) EXTREQ_TRY(anchors.add(root));
    }
  }
  return anchors;
}

// No two instances, and no two lives of one, have the same.
Result<std::string> owner_name() {
  std::array<char, 64> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::array<std::uint8_t, 8> mark{};
  EXTREQ_TRY(crypto::random_bytes(mark));
  return fmt::format("{}:{}:{}", name.data(), ::getpid(), to_hex(mark));
}

}  // namespace

void add_store_options(CLI::App& verb, FleetOptions& options) {
  auto* const place = verb.add_option_group("store");
  place->add_option("--store", options.store, "The certificates in a SQLite file, for one instance")
      ->type_name("FILE");
  place
      ->add_option("--database", options.database,
                   "In PostgreSQL, for any number of instances: libpq's connection string; leave "
                   "the password to PGPASSFILE or a certificate")
      ->type_name("CONNECTION");
  place->add_flag("--database-from-environment", options.libpq,
                  "In the PostgreSQL that PGHOST, PGSERVICE, ... name");
  place->require_option(1);
}

void add_upstream_options(CLI::App& verb, FleetOptions& options) {
  verb.add_option("--kds-url", options.kds_url, "The key service; without it: AMD's")
      ->type_name("URL");
  verb.add_option("--trust", options.trust, "Roots to trust beside AMD's, DER or PEM")
      ->type_name("FILE")
      ->allow_extra_args(false);
  verb.add_option("--route", options.routes,
                  "A way out with a limit of its own: NAME=proxy:URL, NAME=source:ADDRESS, or NAME "
                  "(the direct one); instances behind one address name it alike; may be repeated")
      ->type_name("ROUTE")
      ->allow_extra_args(false);
  verb.add_option("--interval", options.interval, "Seconds between two leaves on a route")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb.add_option("--burst", options.burst, "Leaves at once after a rest")
      ->check(CLI::Range(1U, 1000U))
      ->capture_default_str();
  verb.add_option("--lease", options.lease,
                  "Seconds after which another instance takes over what a crashed one fetched")
      ->check(CLI::Range(1.0, 3600.0))
      ->capture_default_str();
  verb.add_option("--tls-ca", options.tls_ca, "Who may speak for the key service, PEM")
      ->type_name("FILE");
  verb.add_option("--client-cert", options.client_cert, "Who we are, for VLEKs, PEM")
      ->type_name("FILE");
  verb.add_option("--client-key", options.client_key, "Its key, PEM")->type_name("FILE");
  verb.add_option("--layout", options.layout,
                  "Lay the leaves out as files in this folder, for nginx to serve")
      ->type_name("DIR");
}

Result<std::unique_ptr<FleetParts>> FleetParts::open(const FleetOptions& options) {
  std::unique_ptr<FleetParts> parts(new FleetParts());
  if (!options.store.empty()) {
    EXTREQ_TRY_ASSIGN(parts->store_, host::SqliteStore::open(options.store));
    EXTREQ_TRY_ASSIGN(parts->records_, fleet::SqliteRecords::open(options.store));
    parts->ledger_ = std::make_unique<fleet::MemoryLedger>(system_clock());
    return parts;
  }
  fleet::PostgresPool::Options pool_options;
  pool_options.connection = options.database;
  pool_options.connections = database_connections;
  EXTREQ_TRY_ASSIGN(parts->pool_, fleet::PostgresPool::open(pool_options));
  EXTREQ_TRY(fleet::migrate(*parts->pool_));
  parts->store_ = std::make_unique<fleet::PostgresStore>(*parts->pool_);
  parts->ledger_ = std::make_unique<fleet::PostgresLedger>(*parts->pool_);
  parts->records_ = std::make_unique<fleet::PostgresRecords>(*parts->pool_);
  return parts;
}

Result<std::unique_ptr<FleetMirror>> FleetMirror::open(FleetParts& parts,
                                                       const FleetOptions& options,
                                                       fleet::Mirror::Options mirror) {
  std::unique_ptr<FleetMirror> result(new FleetMirror());
  fleet::Upstream::Options upstream;
  if (!options.kds_url.empty()) upstream.base_url = options.kds_url;
  EXTREQ_TRY_ASSIGN(upstream.anchors, anchors_of(options));
  std::vector<fleet::Upstream*> upstreams;
  const std::vector<std::string> direct{"direct"};
  for (const std::string& text : options.routes.empty() ? direct : options.routes) {
    EXTREQ_TRY_ASSIGN(auto route, parse_route(text, options));
    mirror.scheduler.routes.push_back({route.name, from_seconds(options.interval), options.burst});
    result->clients_.push_back(std::make_unique<host::CurlHttpClient>(std::move(route.client)));
    result->upstreams_.push_back(std::make_unique<fleet::Upstream>(
        *result->clients_.back(), parts.store(), parts.records(), upstream));
    upstreams.push_back(result->upstreams_.back().get());
  }
  EXTREQ_TRY_ASSIGN(mirror.scheduler.owner, owner_name());
  mirror.scheduler.lease = from_seconds(options.lease);
  mirror.layout_folder = options.layout;
  mirror.log = &log_line;
  result->mirror_ = std::make_unique<fleet::Mirror>(parts.store(), parts.records(), parts.ledger(),
                                                    std::move(upstreams), std::move(mirror));
  return result;
}

void log_line(const std::string& line) {
  const nlohmann::json entry{{"log", line}};
  fmt::print(stderr, "{}\n", entry.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

}  // namespace extreq::cli
