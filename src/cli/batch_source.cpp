#include "cli/batch_source.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "abi/sev_guest.hpp"
#include "attestation/report.hpp"
#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::cli {
namespace {

namespace fs = std::filesystem;
using attestation::Report;
using StreamEvidence = attestation::VerificationStream::Evidence;

StreamEvidence evidence_of(Result<attestation::Evidence> evidence) {
  if (!evidence) return {tl::unexpected(std::move(evidence).error()), {}};
  return {evidence->report, evidence->table ? attestation::bytes_of(*evidence->table) : Bytes(),
          std::move(evidence->runtime_data)};
}

// A table behind a report is left to the stream, which knows tables again and works on all cores.
StreamEvidence evidence_of(ByteView bytes, std::optional<EvidenceFormat> format) {
  if (format == EvidenceFormat::raw) return {Report::parse(bytes), {}};
  if (format) return evidence_of(attestation::parse_evidence(bytes, format));
  const auto kind = attestation::recognise_evidence(bytes);
  if (kind && kind != EvidenceFormat::raw && kind != EvidenceFormat::extended) {
    return evidence_of(attestation::parse_evidence(bytes, kind));
  }
  if (bytes.size() <= Report::size) return {Report::parse(bytes), {}};
  const ByteView table = bytes.subspan(Report::size);
  return {Report::parse(bytes.first(Report::size)), Bytes(table.begin(), table.end())};
}

StreamEvidence evidence_of(const Result<Bytes>& bytes, std::optional<EvidenceFormat> format) {
  if (!bytes) return {tl::unexpected(bytes.error()), {}};
  return evidence_of(ByteView(*bytes), format);
}

class Folder final : public BatchSource {
 public:
  Folder(std::string folder, std::vector<std::string> names, std::optional<EvidenceFormat> format)
      : folder_(std::move(folder)), names_(std::move(names)), format_(format) {}

  std::optional<BatchInput> next() override {
    if (at_ == names_.size()) return std::nullopt;
    const std::string& name = names_[at_++];
    const std::string path = folder_ + "/" + name;
    std::error_code ignored;  // what cannot be looked at cannot be read: said there
    if (fs::is_directory(path, ignored)) {
      return BatchInput{name, evidence_of(attestation::read_evidence(path, format_))};
    }
    return BatchInput{name, evidence_of(read_file(path), format_)};
  }
  std::optional<std::size_t> count() const override { return names_.size(); }

 private:
  std::string folder_;
  std::vector<std::string> names_;
  std::optional<EvidenceFormat> format_;
  std::size_t at_ = 0;
};

// Inputs one after the other.
class Stream final : public BatchSource {
 public:
  Stream(std::FILE* file, bool owned, EvidenceFormat format)
      : file_(file),
        owned_(owned),
        format_(format),
        record_(format == EvidenceFormat::ioctl ? response_size : Report::size) {
    std::setvbuf(file_, buffer_.data(), _IOFBF, buffer_.size());
  }
  ~Stream() override {
    // Standard input outlives the buffer.
    std::setvbuf(file_, nullptr, _IONBF, 0);
    if (owned_) std::fclose(file_);  // NOLINT(cppcoreguidelines-owning-memory): owned_ says so
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Stream(Stream&&) = delete;
  Stream& operator=(Stream&&) = delete;

  std::optional<BatchInput> next() override {
    if (failed_) return std::nullopt;
    auto evidence = format_ == EvidenceFormat::json ? read_line() : read_record();
    if (std::ferror(file_) != 0) {
      failed_ = true;
      return BatchInput{"", {fail_errno("read the reports"), {}}};
    }
    if (!evidence) return std::nullopt;
    return BatchInput{"", *std::move(evidence)};
  }

 private:
  static constexpr std::size_t response_size = sizeof(abi::sev_guest::ReportResp);
  static constexpr std::size_t line_max = 1U << 20U;  // as of a file

  // The last one may be cut off: whoever parses it says so.
  std::optional<StreamEvidence> read_record() {
    const std::size_t size = std::fread(record_.data(), 1, record_.size(), file_);
    if (size == 0) return std::nullopt;
    return evidence_of(ByteView(record_).first(size), format_);
  }

  // A line that is not empty.
  std::optional<StreamEvidence> read_line() {
    Bytes line;
    bool too_long = false;
    for (int c = getc_unlocked(file_); c != EOF; c = getc_unlocked(file_)) {
      if (c != '\n') {
        if (line.size() == line_max) {
          too_long = true;
        } else {
          line.push_back(static_cast<std::uint8_t>(c));
        }
      } else if (!line.empty()) {
        break;
      }
    }
    if (line.empty()) return std::nullopt;
    if (too_long) {
      return StreamEvidence{fail(Code::too_small, "a line of more than {} bytes", line_max), {}};
    }
    return evidence_of(ByteView(line), format_);
  }

  // Some two hundred reports for one system call. Without memory of ours the C library keeps its
  // own of a page.
  std::vector<char> buffer_ = std::vector<char>(256UL * 1024);
  std::FILE* file_;
  bool owned_;
  EvidenceFormat format_;
  Bytes record_;  // the input being read, where all are of one size
  bool failed_ = false;
};

bool is_tsm(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error) &&
         fs::exists(entry.path() / abi::sev_guest::tsm::outblob, error);
}

template <class Wanted>
Result<std::vector<std::string>> names_in(const std::string& folder, const Wanted& wanted) {
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (wanted(*entry)) names.push_back(entry->path().filename().string());
  }
  if (error) {
    return fail(error == std::errc::no_such_file_or_directory ? Code::not_found : Code::io,
                "read the folder {}: {}", folder, error.message());
  }
  std::ranges::sort(names);
  return names;
}

bool is_file(const fs::directory_entry& entry) {
  std::error_code ignored;  // what cannot be looked at is none
  return entry.is_regular_file(ignored);
}

Result<EvidenceFormat> stream_format(std::optional<EvidenceFormat> format) {
  switch (const auto found = format.value_or(EvidenceFormat::raw)) {
    case EvidenceFormat::raw:
    case EvidenceFormat::ioctl:
    case EvidenceFormat::json:
      return found;
    default:
      return fail(Code::invalid_input,
                  "--format {}: nothing in a stream says where one ends and the next begins; a "
                  "folder may have it",
                  to_text(found));
  }
}

}  // namespace

Result<std::vector<std::string>> files_in(const std::string& folder) {
  return names_in(folder, is_file);
}

Result<std::unique_ptr<BatchSource>> open_batch(const std::string& source,
                                                std::optional<EvidenceFormat> format) {
  std::error_code ignored;  // what cannot be looked at cannot be opened: said there
  if (source != "-" && fs::is_directory(source, ignored)) {
    const auto wanted = [](const auto& entry) { return is_file(entry) || is_tsm(entry); };
    EXTREQ_TRY_ASSIGN(auto names, names_in(source, wanted));
    return std::make_unique<Folder>(source, std::move(names), format);
  }
  EXTREQ_TRY_ASSIGN(const auto in_stream, stream_format(format));
  if (source == "-") return std::make_unique<Stream>(stdin, false, in_stream);
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the Stream that it goes to closes it
  std::FILE* const file = std::fopen(source.c_str(), "rbe");
  if (file == nullptr) return fail_errno("open {}", source);
  return std::make_unique<Stream>(file, true, in_stream);
}

}  // namespace extreq::cli
