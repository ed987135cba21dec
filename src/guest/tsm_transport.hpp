// TsmTransport: asks through configfs-tsm, the directory in which Linux 6.7 and later make reports
// (Documentation/ABI/testing/configfs-tsm-report). The driver behind it holds the VMPCK.
//
// Each call makes an entry of its own in the directory and removes it, so that users do not disturb
// each other; the entry's generation says whether somebody did.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "abi/sev_guest.hpp"
#include "guest/transport.hpp"

namespace extreq::guest {

class TsmTransport final : public Transport {
 public:
  // mkdir(2), 0 or -1 and errno, and rmdir(2): in configfs a directory comes and goes with its
  // files. The one seam to the kernel; tests put a model of it here.
  struct Directories {
    std::function<int(const std::string& path)> make;
    std::function<void(const std::string& path)> remove;
  };

  // Failure: not_found if there is no such directory (configfs is not mounted, the kernel is older,
  // or no driver provides reports).
  [[nodiscard]] static Result<std::unique_ptr<TsmTransport>> open(
      const std::string& directory = std::string(abi::sev_guest::tsm::report_path));
  [[nodiscard]] static Result<std::unique_ptr<TsmTransport>> open(const std::string& directory,
                                                                  Directories directories);

  // Threading: one thread at a time; any number of transports. Failure also: unsupported for a
  // KEY_SEL (configfs has no place for it) and for another provider than sev_guest; busy when the
  // entry was changed by somebody else in between.
  [[nodiscard]] RequestResult<ReportReply> report(const ReportQuery& query) override;
  // The table is cut off at 16 KiB by the driver: a host that wants more has no certificates to
  // give here.
  [[nodiscard]] RequestResult<Evidence> extended_report(const ReportQuery& query) override;
  [[nodiscard]] RequestResult<DerivedKey> derived_key(
      const KeyQuery& query) override;       // unsupported
  [[nodiscard]] Status drop_key() override;  // unsupported: the driver holds the key
  [[nodiscard]] bool usable() const noexcept override { return true; }

 private:
  TsmTransport(std::string directory, Directories directories)
      : directory_(std::move(directory)), directories_(std::move(directories)) {}

  [[nodiscard]] std::string next_path();

  std::string directory_;
  Directories directories_;
  unsigned next_entry_ = 0;
};

}  // namespace extreq::guest
