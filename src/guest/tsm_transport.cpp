#include "guest/tsm_transport.hpp"

#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/byte_builder.hpp"
#include "base/printable.hpp"
#include "base/try.hpp"
#include "base/unique_fd.hpp"
#include "guest/response.hpp"

namespace extreq::guest {
namespace {

namespace tsm = abi::sev_guest::tsm;

constexpr std::size_t read_limit = std::size_t{64} << 10U;

// A file of configfs: one read or write is one transaction, so base's file functions do not fit.
class Entry {
 public:
  static Result<Entry> create(std::string path, const TsmTransport::Directories& directories) {
    if (directories.make(path) != 0) return fail_errno("make {}", path);
    return Entry(std::move(path), directories);
  }
  ~Entry() {
    if (!path_.empty()) directories_.remove(path_);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Entry(Entry&& other) noexcept
      : path_(std::exchange(other.path_, {})), directories_(other.directories_) {}
  Entry& operator=(Entry&&) = delete;

  [[nodiscard]] Status write(std::string_view name, ByteView content) const {
    const std::string path = file(name);
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open {}", path);
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0) return fail_errno("write {}", path);
    if (static_cast<std::size_t>(written) != content.size()) {
      return fail(Code::io, "write {}: {} of {} bytes", path, written, content.size());
    }
    return {};
  }

  [[nodiscard]] Result<Bytes> read(std::string_view name) const {
    const std::string path = file(name);
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail_errno("open {}", path);
    Bytes content;
    std::array<std::uint8_t, 4096> buffer{};
    while (content.size() <= read_limit) {
      const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
      // EWOULDBLOCK: somebody else changed the entry.
      if (got < 0) return fail_errno("read {}", path);
      if (got == 0) return content;
      content.insert(content.end(), buffer.begin(), buffer.begin() + got);
    }
    return fail(Code::too_small, "read {}: more than {} bytes", path, read_limit);
  }

 private:
  Entry(std::string path, const TsmTransport::Directories& directories)
      : path_(std::move(path)), directories_(directories) {}
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + '/' + std::string(name);
  }

  std::string path_;
  const TsmTransport::Directories& directories_;
};

std::string text_of(const Bytes& bytes) {
  std::string text(bytes.begin(), bytes.end());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

struct Blobs {
  Bytes report;
  Bytes table;
};

Result<Blobs> ask(const std::string& path, const TsmTransport::Directories& directories,
                  const ReportQuery& query, bool extended) {
  if (query.key_sel != abi::snp::key_sel_vlek_or_vcek) {
    return fail(Code::unsupported, "configfs-tsm has no place for KEY_SEL {}", query.key_sel);
  }
  EXTREQ_TRY_ASSIGN(const Entry entry, Entry::create(path, directories));
  EXTREQ_TRY_ASSIGN(const Bytes provider, entry.read(tsm::provider));
  if (text_of(provider) != tsm::provider_sev_guest) {
    return fail(Code::unsupported, "configfs-tsm: the provider is '{}', wanted {}",
                printable(text_of(provider)), tsm::provider_sev_guest);
  }
  EXTREQ_TRY(entry.write(tsm::privlevel, to_bytes(std::to_string(query.vmpl))));
  EXTREQ_TRY(entry.write(tsm::inblob, query.report_data));
  EXTREQ_TRY_ASSIGN(const Bytes before, entry.read(tsm::generation));
  Blobs blobs;
  EXTREQ_TRY_ASSIGN(blobs.report, entry.read(tsm::outblob));
  if (extended) {
    EXTREQ_TRY_ASSIGN(blobs.table, entry.read(tsm::auxblob));
  }
  EXTREQ_TRY_ASSIGN(const Bytes after, entry.read(tsm::generation));
  if (before != after) {
    return fail(Code::busy, "configfs-tsm: {} was changed by somebody else", path);
  }
  return blobs;
}

// The report as the firmware's response would bring it, so that it is checked in one place.
RequestResult<Bytes> checked(ByteView report, const ReportQuery& query) {
  abi::snp::ReportResponse head;
  head.report_size = static_cast<std::uint32_t>(report.size());
  ByteBuilder payload;
  payload.u32(head.status).u32(head.report_size).bytes(head.reserved).bytes(report);
  return read_report_response(payload.view(), query);
}

}  // namespace

Result<std::unique_ptr<TsmTransport>> TsmTransport::open(const std::string& directory) {
  return open(directory, {[](const std::string& path) { return ::mkdir(path.c_str(), 0700); },
                          [](const std::string& path) { ::rmdir(path.c_str()); }});
}

Result<std::unique_ptr<TsmTransport>> TsmTransport::open(const std::string& directory,
                                                         Directories directories) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return fail_errno("configfs-tsm: {}", directory);
  return std::unique_ptr<TsmTransport>(new TsmTransport(directory, std::move(directories)));
}

std::string TsmTransport::next_path() {
  return fmt::format("{}/extreq-{}-{}", directory_, ::getpid(), next_entry_++);
}

RequestResult<ReportReply> TsmTransport::report(const ReportQuery& query) {
  auto blobs = ask(next_path(), directories_, query, false);
  if (!blobs) return failed(blobs.error());
  auto report = checked(blobs->report, query);
  if (!report) return failed(report.error());
  ReportReply reply;
  reply.report = *std::move(report);
  reply.notes.sends = 1;
  return reply;
}

RequestResult<Evidence> TsmTransport::extended_report(const ReportQuery& query) {
  auto blobs = ask(next_path(), directories_, query, true);
  if (!blobs) return failed(blobs.error());
  auto report = checked(blobs->report, query);
  if (!report) return failed(report.error());
  Evidence evidence;
  evidence.report = *std::move(report);
  evidence.notes.sends = 1;
  if (is_empty_table(blobs->table)) {
    evidence.notes.no_certificates = NoCertificates::host_has_none;
  } else {
    evidence.certificate_table = std::move(blobs->table);
  }
  return evidence;
}

RequestResult<DerivedKey> TsmTransport::derived_key(const KeyQuery& /*query*/) {
  return failed(Error{Code::unsupported, "configfs-tsm derives no keys: use /dev/sev-guest"});
}

Status TsmTransport::drop_key() {
  return fail(Code::unsupported, "the kernel's driver holds the VMPCK");
}

}  // namespace extreq::guest
