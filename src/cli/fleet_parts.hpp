// What the verbs for fleets stand on: a store and a ledger, and the routes to the key service,
// from one set of options with one spelling.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fleet/mirror.hpp"
#include "fleet/postgres_ledger.hpp"
#include "fleet/postgres_records.hpp"
#include "fleet/postgres_store.hpp"
#include "host/http_curl.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct FleetOptions {
  std::string store;     // a SQLite file, or
  std::string database;  // PostgreSQL's connection string, or
  bool libpq = false;    // what libpq finds in its environment
  std::string kds_url;
  std::vector<std::string> trust;
  std::vector<std::string> routes;
  double interval = 10;  // seconds, of each route
  unsigned burst = 1;
  double lease = 120;  // seconds
  std::string tls_ca;
  std::string client_cert;
  std::string client_key;
  std::string layout;
};

// Effect: adds --store, --database, --database-from-environment.
void add_store_options(CLI::App& verb, FleetOptions& options);
// Effect: adds --kds-url, --trust, --route, --interval, --burst, --lease, --tls-ca, --client-cert,
// --client-key, --layout.
void add_upstream_options(CLI::App& verb, FleetOptions& options);

// Store, records and ledger. Lifetime: owns its parts. Threading: as its parts.
class FleetParts {
 public:
  // Failure: that of the part that cannot be had.
  [[nodiscard]] static Result<std::unique_ptr<FleetParts>> open(const FleetOptions& options);

  [[nodiscard]] host::CertificateStore& store() noexcept { return *store_; }
  [[nodiscard]] fleet::WorkLedger& ledger() noexcept { return *ledger_; }
  [[nodiscard]] fleet::MirrorRecords& records() noexcept { return *records_; }

 private:
  FleetParts() = default;
  std::unique_ptr<fleet::PostgresPool> pool_;
  std::unique_ptr<host::CertificateStore> store_;
  std::unique_ptr<fleet::WorkLedger> ledger_;
  std::unique_ptr<fleet::MirrorRecords> records_;
};

// A mirror with its routes. Lifetime: `parts` must outlive it.
class FleetMirror {
 public:
  [[nodiscard]] static Result<std::unique_ptr<FleetMirror>> open(FleetParts& parts,
                                                                 const FleetOptions& options,
                                                                 fleet::Mirror::Options mirror);
  [[nodiscard]] fleet::Mirror& mirror() noexcept { return *mirror_; }

 private:
  FleetMirror() = default;
  std::vector<std::unique_ptr<host::CurlHttpClient>> clients_;
  std::vector<std::unique_ptr<fleet::Upstream>> upstreams_;
  std::unique_ptr<fleet::Mirror> mirror_;
};

// One line of JSON on standard error, flushed: {"log": "..."}.
void log_line(const std::string& line);

}  // namespace extreq::cli
