#include "cli/batch_source.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "attestation/report.hpp"
#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::cli {
namespace {

class Folder final : public BatchSource {
 public:
  Folder(std::string folder, std::vector<std::string> names)
      : folder_(std::move(folder)), names_(std::move(names)) {}

  std::optional<BatchInput> next() override {
    if (at_ == names_.size()) return std::nullopt;
    const std::string& name = names_[at_++];
    return BatchInput{name, read_file(folder_ + "/" + name)};
  }
  std::optional<std::size_t> count() const override { return names_.size(); }

 private:
  std::string folder_;
  std::vector<std::string> names_;
  std::size_t at_ = 0;
};

// Reports one after the other, nothing between them.
class Stream final : public BatchSource {
 public:
  Stream(std::FILE* file, bool owned) : file_(file), owned_(owned) {
    constexpr std::size_t buffer = 256UL * 1024;  // some two hundred reports for one system call
    std::setvbuf(file_, nullptr, _IOFBF, buffer);
  }
  ~Stream() override {
    if (owned_) std::fclose(file_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  Stream(Stream&&) = delete;
  Stream& operator=(Stream&&) = delete;

  std::optional<BatchInput> next() override {
    Bytes report(attestation::Report::size);
    const std::size_t size = std::fread(report.data(), 1, report.size(), file_);
    if (std::ferror(file_) != 0 && !failed_) {
      failed_ = true;
      return BatchInput{"", fail_errno("read the reports")};
    }
    if (size == 0 || failed_) return std::nullopt;
    report.resize(size);  // the last one may be cut off: whoever parses it says so
    return BatchInput{"", std::move(report)};
  }

 private:
  std::FILE* file_;
  bool owned_;
  bool failed_ = false;
};

}  // namespace

Result<std::vector<std::string>> files_in(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<std::string> names;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->is_regular_file(error)) names.push_back(entry->path().filename().string());
    if (error) break;
  }
  if (error) {
    return fail(error == std::errc::no_such_file_or_directory ? Code::not_found : Code::io,
                "read the folder {}: {}", folder, error.message());
  }
  std::ranges::sort(names);
  return names;
}

Result<std::unique_ptr<BatchSource>> open_batch(const std::string& source) {
  if (source == "-") return std::make_unique<Stream>(stdin, false);
  std::error_code ignored;  // what cannot be looked at cannot be opened: said there
  if (std::filesystem::is_directory(source, ignored)) {
    EXTREQ_TRY_ASSIGN(auto names, files_in(source));
    return std::make_unique<Folder>(source, std::move(names));
  }
  std::FILE* const file = std::fopen(source.c_str(), "rbe");
  if (file == nullptr) return fail_errno("open {}", source);
  return std::make_unique<Stream>(file, true);
}

}  // namespace extreq::cli
