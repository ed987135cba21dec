#include "host/doctor.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/sev.hpp"
#include "abi/sev_guest.hpp"
#include "base/file.hpp"
#include "base/unique_fd.hpp"

namespace extreq::host {
namespace {

constexpr unsigned permission_bits = 07777;
constexpr unsigned others_read = 0004;
constexpr unsigned others_write = 0022;

std::string reason() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe)

CheckLine check_access(std::string name, const std::string& path, int mode, std::string remedy) {
  if (::access(path.c_str(), mode) == 0) return {std::move(name), Verdict::well, path, {}};
  return {std::move(name), Verdict::bad, fmt::format("{}: {}", path, reason()), std::move(remedy)};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash == 0 ? 1 : slash);
}

void add_kvm(const std::string& root, CheckLines& lines) {
  const std::string path = root + "/sys/module/kvm_amd/parameters/sev_snp";
  const auto value = read_file(path);
  CheckLine line{"kvm", Verdict::well, "KVM runs SNP guests", {}};
  if (!value || value->empty() || (value->front() != 'Y' && value->front() != '1')) {
    line.verdict = Verdict::bad;
    line.value = value ? "kvm_amd: sev_snp is off" : value.error().message;
    line.remedy =
        "enable SEV-SNP and the RMP in the firmware's setup and load kvm_amd of Linux 6.11 or "
        "later; `dmesg | grep -i sev` says why not";
  }
  lines.push_back(std::move(line));
}

void add_blob(const std::string& blob, CheckLines& lines) {
  lines.push_back(check_access("blob_folder", folder_of(blob), W_OK | X_OK,
                               "the service's unit makes it (RuntimeDirectory); run this as root"));
  struct stat status {};
  if (::stat(blob.c_str(), &status) != 0) {
    lines.push_back({"blob", Verdict::bad, fmt::format("{}: {}", blob, reason()),
                     "start the service: systemctl start extreq-host"});
    return;
  }
  const unsigned mode = status.st_mode & permission_bits;
  CheckLine line{"blob", Verdict::well, fmt::format("{}, mode {:04o}", blob, mode), {}};
  if (!S_ISREG(status.st_mode)) {
    line.verdict = Verdict::bad;
    line.remedy = "it must be a regular file: remove what is there, the service makes a new one";
  } else if ((mode & (others_read | others_write)) != 0) {
    line.verdict = Verdict::bad;
    line.remedy =
        "whoever can read it can hold up updates, whoever can write it decides what "
        "guests get: chmod 0640, and give VMMs its group";
  }
  lines.push_back(std::move(line));
}

void add_store(const std::string& store, CheckLines& lines) {
  lines.push_back(check_access("store_folder", folder_of(store), W_OK | X_OK,
                               "the service's unit makes it (StateDirectory); run this as root"));
  if (::access(store.c_str(), F_OK) != 0) {
    lines.push_back({"store", Verdict::fact, store + ": made with the first certificate", {}});
  } else {
    lines.push_back(check_access("store", store, R_OK | W_OK, "run this as root"));
  }
}

void add_socket(const std::string& path, CheckLines& lines) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CheckLine line{"socket", Verdict::bad, path,
                 "start the service: systemctl start extreq-host; and see that this user may "
                 "connect"};
  if (path.size() >= sizeof(address.sun_path)) {
    line.value += ": longer than a socket's path may be";
    line.remedy = "choose a shorter --socket";
    lines.push_back(std::move(line));
    return;
  }
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // What the socket interface wants: the address of any family behind one type.
  const auto* const any = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (fd && ::connect(fd.get(), any, sizeof(address)) == 0) {
    line = {"socket", Verdict::well, path + ": the service answers", {}};
  } else {
    line.value += ": " + reason();
  }
  lines.push_back(std::move(line));
}

}  // namespace

CheckLines examine_host(const DoctorPaths& paths) {
  CheckLines lines;
  if (!paths.model) {
    lines.push_back(check_access("device", paths.root + std::string(abi::sev::device_path),
                                 R_OK | W_OK,
                                 "load the module ccp, enable SEV in the firmware's setup, and run "
                                 "this as root"));
    add_kvm(paths.root, lines);
  }
  add_blob(paths.blob, lines);
  add_store(paths.store, lines);
  if (!paths.socket.empty()) add_socket(paths.socket, lines);
  return lines;
}

CheckLines examine_guest(const DoctorPaths& paths) {
  CheckLines lines;
  lines.push_back(check_access("module", paths.root + "/sys/module/sev_guest", F_OK,
                               "modprobe sev-guest; it loads in SNP guests only"));
  lines.push_back(check_access("device", paths.root + std::string(abi::sev_guest::device_path),
                               R_OK | W_OK, "is this an SNP guest? then run this as root"));
  lines.push_back(check_access("configfs_tsm",
                               paths.root + std::string(abi::sev_guest::tsm::report_path),
                               R_OK | W_OK | X_OK,
                               "mount configfs at /sys/kernel/config and modprobe tsm; Linux 6.7 "
                               "or later has it; /dev/sev-guest does without"));
  return lines;
}

}  // namespace extreq::host
