// extreq show: what is in this file?
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/describe.hpp"
#include "cli/exit_code.hpp"
#include "cli/inputs.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

using attestation::CertificateTable;
using attestation::Report;
using crypto::Certificate;

constexpr std::string_view pem_mark = "-----BEGIN ";
constexpr std::uint8_t der_sequence = 0x30;  // X.690: every certificate begins with one

bool holds_pem(ByteView bytes) {
  return std::search(bytes.begin(), bytes.end(), pem_mark.begin(), pem_mark.end()) != bytes.end();
}

bool begins_like_a_table(ByteView bytes) {
  attestation::Guid guid{};
  if (bytes.size() < abi::ghcb::certificate_table::empty_table_size) return false;
  std::ranges::copy(bytes.first(guid.size()), guid.begin());
  return all_zero(guid) || attestation::certificate_name(guid).has_value();
}

Result<Document> describe_certificates(ByteView bytes) {
  EXTREQ_TRY_ASSIGN(const auto certificates, Certificate::from_pem_or_der(bytes));
  if (certificates.size() == 1) return describe(certificates.front());
  Document document{{"type", "certificates"}, {"certificates", Document::array()}};
  for (const Certificate& certificate : certificates) {
    document["certificates"].push_back(describe(certificate));
  }
  return document;
}

template <class Value>
Result<Document> describe_parsed(const Result<Value>& value) {
  if (!value) return tl::unexpected(value.error());
  return describe(*value);
}

// By content: a table that begins with a known GUID or its end (its entries may hold PEM);
// evidence; PEM or DER; and what is left can only be a table of other GUIDs.
Result<Document> describe_any(ByteView bytes) {
  if (bytes.empty()) return fail(Code::invalid_input, "the file is empty");
  if (begins_like_a_table(bytes) && !all_zero(bytes)) {
    return describe_parsed(CertificateTable::parse(bytes));
  }
  if (attestation::recognise_evidence(bytes)) {
    return describe_parsed(attestation::parse_evidence(bytes, std::nullopt));
  }
  if (holds_pem(bytes) || bytes.front() == der_sequence) return describe_certificates(bytes);
  const auto table = CertificateTable::parse(bytes);
  if (table) return describe(*table);
  return fail(Code::invalid_input,
              "neither evidence (a report has {:#x} bytes), nor a certificate (DER or PEM), nor a "
              "certificate table: {:#x} bytes; as a table: {}",
              Report::size, bytes.size(), table.error().message);
}

Result<Document> describe_file(const std::string& path, const std::string& format) {
  std::error_code ignored;  // what cannot be looked at cannot be read: said there
  if (format != "auto" || std::filesystem::is_directory(path, ignored)) {
    return describe_parsed(attestation::read_evidence(path, evidence_format(format)));
  }
  EXTREQ_TRY_ASSIGN(const Bytes bytes, read_file(path));
  auto document = describe_any(bytes);
  if (!document) return fail(document.error().code, "{}: {}", path, document.error().message);
  return document;
}

int run_show(const std::string& path, const std::string& format, bool json) {
  const auto document = describe_file(path, format);
  if (!document) {
    fmt::print(stderr, "extreq show: {}\n", document.error().message);
    return exit_unreadable;
  }
  if (json) {
    print_json(*document);
  } else {
    print_text(*document);
  }
  return exit_ok;
}

}  // namespace

void add_show(CLI::App& app, int& exit_code) {
  struct Options {
    std::string file;
    std::string format = "auto";
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* const verb =
      app.add_subcommand("show", "Show evidence, a certificate table or certificates");
  verb->add_option("FILE", options->file,
                   "What it is, is recognised by its content; a folder: as configfs-tsm's")
      ->required();
  add_format_option(*verb, options->format);
  verb->add_flag("--json", options->json, "Write one JSON object");
  verb->footer("Nothing is verified here. Exit: 0 shown, 1 usage, 4 the file cannot be read.");
  verb->callback([options, &exit_code] {
    exit_code = run_show(options->file, options->format, options->json);
  });
}

}  // namespace extreq::cli
