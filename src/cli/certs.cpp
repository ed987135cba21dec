// extreq certs: what the store has; into it and out of it, for machines without a network.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/chain.hpp"
#include "attestation/time_text.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/document.hpp"
#include "cli/exit_code.hpp"
#include "cli/host_parts.hpp"
#include "cli/inputs.hpp"
#include "cli/verbs.hpp"
#include "crypto/hash.hpp"
#include "host/store_import.hpp"

namespace extreq::cli {
namespace {

constexpr unsigned exported_mode = 0644;

struct CertsOptions {
  HostOptions host;
  std::vector<std::string> files;
  std::string folder;
  bool json = false;
};

int finish(const char* verb, const Result<int>& done) {
  if (done) return *done;
  fmt::print(stderr, "extreq certs {}: {}\n", verb, done.error().message);
  return exit_unreadable;
}

// A model's folder is opened for its root alone.
Result<attestation::TrustAnchors> anchors_of(const HostOptions& options) {
  HostPlatform platform;
  if (!options.platform.empty()) {
    EXTREQ_TRY_ASSIGN(platform, open_platform(options));
  }
  return trust_anchors(options, platform);
}

// A list does not say whether it is the one under vcek or under vlek; export's names do.
Result<host::KeyKind> kind_by_name(const std::string& file) {
  std::string name = std::filesystem::path(file).filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  const bool vcek = name.find("vcek") != std::string::npos;
  const bool vlek = name.find("vlek") != std::string::npos;
  if (vcek == vlek) {
    return fail(Code::invalid_input,
                "{}: a CRL does not say whether it is for VCEKs or VLEKs: its file's name must, by "
                "\"vcek\" or \"vlek\"",
                file);
  }
  return vlek ? host::KeyKind::vlek : host::KeyKind::vcek;
}

Result<int> import_files(const CertsOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto anchors, anchors_of(options.host));
  std::vector<crypto::Certificate> certificates;
  std::vector<host::ImportedList> lists;
  for (const std::string& file : options.files) {
    EXTREQ_TRY_ASSIGN(const auto found, read_certificates_or_list(file));
    certificates.insert(certificates.end(), found.certificates.begin(), found.certificates.end());
    if (!found.list) continue;
    EXTREQ_TRY_ASSIGN(const auto kind, kind_by_name(file));
    lists.push_back({*found.list, kind});
  }
  EXTREQ_TRY_ASSIGN(const auto store, host::SqliteStore::open(store_path(options.host)));
  EXTREQ_TRY_ASSIGN(const auto result, host::import_certificates(*store, certificates, lists,
                                                                 anchors, system_clock().utc()));
  for (const std::string& what : result.stored) fmt::print("stored: {}\n", what);
  for (const std::string& what : result.refused) fmt::print(stderr, "refused: {}\n", what);
  return result.refused.empty() && !result.stored.empty() ? exit_ok : exit_unreadable;
}

std::string file_name(const host::StoredLeaf& leaf) {
  return fmt::format("{}-{}-{}-{:016x}-{}.der", host::to_text(leaf.key.kind),
                     attestation::kds_name(leaf.key.product), to_hex(leaf.key.holder),
                     attestation::encode_tcb(leaf.key.tcb),
                     leaf.certificate.not_after().time_since_epoch().count());
}

std::string file_name(const host::StoredAuthority& authority) {
  const auto subject = attestation::subject_of(authority.certificate);
  return fmt::format("{}-{}-{}.der", subject ? attestation::to_text(subject->role) : "authority",
                     attestation::kds_name(authority.product),
                     to_hex(crypto::sha256(authority.certificate.der())));
}

std::string file_name(const host::StoredCrl& crl) {
  return fmt::format("{}-{}-crl-{}.der", host::to_text(crl.kind),
                     attestation::kds_name(crl.product), to_hex(crl.issuer));
}

Result<int> export_files(const CertsOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto store, host::SqliteStore::open(store_path(options.host)));
  EXTREQ_TRY_ASSIGN(const auto content, store->content());
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return fail(Code::io, "{}: {}", options.folder, error.message());
  std::size_t count = 0;
  const auto write = [&](const std::string& name, ByteView bytes) {
    ++count;
    return replace_file(options.folder + "/" + name, bytes, exported_mode);
  };
  for (const auto& leaf : content.leaves) {
    EXTREQ_TRY(write(file_name(leaf), leaf.certificate.der()));
  }
  for (const auto& authority : content.authorities) {
    EXTREQ_TRY(write(file_name(authority), authority.certificate.der()));
  }
  for (const auto& crl : content.crls) EXTREQ_TRY(write(file_name(crl), crl.der));
  fmt::print("{} files in {}\n", count, options.folder);
  return exit_ok;
}

Document holder_of(const host::CertificateKey& key) {
  if (key.kind == host::KeyKind::vcek) return to_hex(key.holder);
  return std::string(key.holder.begin(), key.holder.end());
}

Document content_document(const host::StoreContent& content) {
  Document document{{"leaves", Document::array()},
                    {"authorities", Document::array()},
                    {"crls", Document::array()}};
  for (const auto& [key, certificate] : content.leaves) {
    document["leaves"].push_back(
        Document{{"kind", host::to_text(key.kind)},
                 {"product", attestation::kds_name(key.product)},
                 {key.kind == host::KeyKind::vcek ? "chip_id" : "csp_id", holder_of(key)},
                 {"tcb", attestation::to_text(key.tcb)},
                 {"not_after", attestation::to_rfc3339(certificate.not_after())}});
  }
  for (const auto& authority : content.authorities) {
    document["authorities"].push_back(
        Document{{"name", attestation::display_name(authority.certificate)},
                 {"product", attestation::kds_name(authority.product)},
                 {"for", host::to_text(authority.kind)},
                 {"not_after", attestation::to_rfc3339(authority.certificate.not_after())}});
  }
  for (const auto& crl : content.crls) {
    document["crls"].push_back(Document{{"product", attestation::kds_name(crl.product)},
                                        {"for", host::to_text(crl.kind)},
                                        {"number", to_hex(crl.number)},
                                        {"this_update", attestation::to_rfc3339(crl.this_update)},
                                        {"next_update", attestation::to_rfc3339(crl.next_update)}});
  }
  return document;
}

Result<int> list(const CertsOptions& options) {
  EXTREQ_TRY_ASSIGN(const auto store, host::SqliteStore::open(store_path(options.host)));
  EXTREQ_TRY_ASSIGN(const auto content, store->content());
  if (options.json) {
    print_json(content_document(content));
  } else {
    print_text(content_document(content));
  }
  return exit_ok;
}

void add_store_options(CLI::App& verb, HostOptions& options) {
  auto* const model = verb.add_option("--platform", options.platform,
                                      "A model platform's folder: its store, and its root");
  model->type_name("DIR");
  verb.add_option("--store", options.store,
                  "The store; without it: " + std::string(host::default_store_path))
      ->type_name("FILE");
}

CLI::App* add_import(CLI::App& certs, CertsOptions& options) {
  CLI::App* const verb = certs.add_subcommand(
      "import", "Verify certificates and CRLs and store them: DER, or PEM with several");
  verb->add_option("files", options.files,
                   "What kds url named, in any order. A CRL's file must have \"vcek\" or \"vlek\" "
                   "in its name, as its URL has")
      ->type_name("FILE")
      ->required();
  verb->add_option("--trust", options.host.trust,
                   "A root to trust beside AMD's pinned ones; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  return verb;
}

}  // namespace

void add_certs(CLI::App& app, int& exit_code) {
  CLI::App* const certs = app.add_subcommand("certs", "The store of certificates");
  certs->require_subcommand(1);
  auto options = std::make_shared<CertsOptions>();
  CLI::App* const importing = add_import(*certs, *options);
  importing->callback(
      [options, &exit_code] { exit_code = finish("import", import_files(*options)); });
  CLI::App* const exporting =
      certs->add_subcommand("export", "Write every certificate and CRL as a file, DER");
  exporting->add_option("folder", options->folder, "Made if missing")->type_name("DIR")->required();
  exporting->callback(
      [options, &exit_code] { exit_code = finish("export", export_files(*options)); });
  CLI::App* const listing = certs->add_subcommand("list", "What is in it");
  listing->add_flag("--json", options->json, "Write the result as one JSON object");
  listing->callback([options, &exit_code] { exit_code = finish("list", list(*options)); });
  for (CLI::App* const verb : {importing, exporting, listing}) {
    add_store_options(*verb, options->host);
  }
}

}  // namespace extreq::cli
