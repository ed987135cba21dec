#include "guest/device_transport.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "abi/ghcb.hpp"
#include "base/try.hpp"
#include "guest/response.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
namespace sev_guest = abi::sev_guest;
namespace request = abi::ghcb::guest_request;

constexpr std::uint64_t driver_pages_max = sev_guest::certificates_max_size / abi::ghcb::page_size;

int system_ioctl(int fd, std::uint32_t number, sev_guest::GuestRequestIoctl& argument) {
  return ::ioctl(fd, number, &argument) == 0 ? 0 : errno;
}

template <class Object>
std::uint64_t address_of(Object& object) noexcept {
  return std::bit_cast<std::uint64_t>(&object);
}

// The driver passes struct snp_report_req on as the message's payload, all 96 bytes of it.
sev_guest::ReportReq to_driver(const snp::ReportRequest& message) noexcept {
  return std::bit_cast<sev_guest::ReportReq>(message);
}

// What an errno of the driver means when it does not carry an answer of the host.
struct Meaning {
  Code code;
  bool key_retired;
  const char* words;
};

Meaning meaning_of(int error) {
  switch (error) {
    case ENOTTY:
      return {Code::closed, true,
              "the driver has disabled its VMPCK after an earlier failure (or this is another "
              "device): restart the guest, or load the driver with another vmpck_id"};
    case EINVAL:
      return {Code::invalid_input, false,
              "the driver refuses the arguments: it takes a certificate buffer of whole pages, "
              "16 KiB at most, and no message version 0"};
    case ETIMEDOUT:
      return {Code::closed, true, "the host stayed busy for as long as the driver waits"};
    case EBADMSG:
      return {Code::not_genuine, true, "the host's response is not the firmware's"};
    case EINTR:
      return {Code::busy, false, "a signal interrupted the call: ask again"};
    case EAGAIN:
    case EBUSY:
      return {Code::busy, false, "the driver is busy: ask again later"};
    case EPERM:
    case EACCES:
      return {Code::io, false, "permission denied: the device belongs to root"};
    default:
      return {Code::io, false, "see the guest's kernel log"};
  }
}

}  // namespace

struct DeviceTransport::Outcome {
  int error;                // 0 or errno
  std::uint32_t vmm_error;  // these two count if `error` is 0 or EIO
  std::uint32_t firmware_status;

  [[nodiscard]] bool success() const noexcept {
    return error == 0 && vmm_error == 0 && firmware_status == 0;
  }
  // Old drivers give ENOSPC. The number of the host decides.
  [[nodiscard]] bool buffer_too_small() const noexcept {
    return (error == EIO || error == ENOSPC) && firmware_status == 0 &&
           vmm_error == request::vmm_error_invalid_len;
  }
  [[nodiscard]] bool no_table_on_host() const noexcept {
    return error == EIO && vmm_error == 0 &&
           firmware_status == static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate);
  }
};

Result<std::unique_ptr<DeviceTransport>> DeviceTransport::open(const std::string& path) {
  return open(path, Options{});
}

Result<std::unique_ptr<DeviceTransport>> DeviceTransport::open(const std::string& path,
                                                               Options options) {
  UniqueFd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!device) return fail_errno("open {}", path);
  return std::make_unique<DeviceTransport>(std::move(device), system_ioctl, std::move(options));
}

DeviceTransport::DeviceTransport(UniqueFd device, Ioctl ioctl, Options options)
    : device_(std::move(device)),
      ioctl_(std::move(ioctl)),
      options_(std::move(options)),
      offer_(options_.limits, driver_pages_max) {}

template <class Request, class Response>
DeviceTransport::Outcome DeviceTransport::send(std::uint32_t number, Request& request,
                                               Response& response) {
  if (options_.stop.stop_requested()) return {EINTR, 0, 0};
  sev_guest::GuestRequestIoctl argument{};
  argument.msg_version = snp::message_version_1;
  argument.req_data = address_of(request);
  argument.resp_data = address_of(response);
  const int error = ioctl_(device_.get(), number, argument);
  const Outcome outcome{error, request::decode_vmm_error(argument.exitinfo2),
                        request::decode_firmware_status(argument.exitinfo2)};
  if (outcome.success() || outcome.buffer_too_small()) usable_ = true;
  return outcome;
}

RequestFailure DeviceTransport::explain(const Outcome& outcome) {
  if (outcome.error == 0 || outcome.error == EIO || outcome.error == ENOSPC) {
    if (outcome.vmm_error != 0 || outcome.firmware_status != 0) {
      usable_ = false;
      return failure_of_command(outcome.vmm_error, outcome.firmware_status, KeyState::retired);
    }
  }
  const Meaning meaning = meaning_of(outcome.error);
  RequestFailure failure(Error{meaning.code, fmt::format("sev-guest device: {} ({})", meaning.words,
                                                         std::strerror(outcome.error))});
  failure.key_retired = meaning.key_retired;
  if (meaning.key_retired) usable_ = false;
  return failure;
}

RequestResult<Bytes> DeviceTransport::plain_report(const snp::ReportRequest& message,
                                                   const ReportQuery& query, Notes& notes) {
  sev_guest::ReportReq asked = to_driver(message);
  sev_guest::ReportResp response{};
  ++notes.sends;
  const Outcome outcome = send(sev_guest::ioctl_get_report, asked, response);
  if (!outcome.success()) return failed(explain(outcome));
  return read_report_response(response.data, query);
}

RequestResult<ReportReply> DeviceTransport::report(const ReportQuery& query) {
  EXTREQ_TRY_ASSIGN(const snp::ReportRequest message, to_request(query));
  Notes notes;
  EXTREQ_TRY_ASSIGN(Bytes report, plain_report(message, query, notes));
  return ReportReply{std::move(report), notes};
}

RequestResult<Evidence> DeviceTransport::extended_report(const ReportQuery& query) {
  EXTREQ_TRY_ASSIGN(const snp::ReportRequest message, to_request(query));
  Notes notes;
  offer_.begin();
  Outcome outcome{};
  do {
    Bytes table(static_cast<std::size_t>(offer_.pages()) * abi::ghcb::page_size);
    sev_guest::ExtReportReq asked{};
    asked.data = to_driver(message);
    asked.certs_address = table.empty() ? 0 : address_of(table.front());
    asked.certs_len = static_cast<std::uint32_t>(table.size());
    sev_guest::ReportResp response{};
    ++notes.sends;
    outcome = send(sev_guest::ioctl_get_ext_report, asked, response);
    if (outcome.success()) {
      EXTREQ_TRY_ASSIGN(Bytes report, read_report_response(response.data, query));
      if (is_empty_table(table)) {
        notes.no_certificates = NoCertificates::host_has_none;
        table.clear();
      }
      return Evidence{std::move(report), std::move(table), notes};
    }
    if (outcome.buffer_too_small()) {
      const std::uint64_t pages = asked.certs_len / abi::ghcb::page_size +
                                  (asked.certs_len % abi::ghcb::page_size == 0 ? 0 : 1);
      notes.no_certificates = offer_.grow(pages, notes);
      if (notes.too_small) notes.too_small->driver_errno = outcome.error;
    } else if (outcome.no_table_on_host()) {
      notes.no_certificates = NoCertificates::host_has_none;
    } else {
      return failed(explain(outcome));
    }
  } while (!notes.no_certificates);

  // The driver has used up the number of the message that had no room.
  auto report = plain_report(message, query, notes);
  if (report) return Evidence{*std::move(report), {}, notes};
  // A driver that gave up its key at the first failure says so only now: that failure is the cause.
  if (outcome.no_table_on_host()) return failed(explain(outcome));
  return failed(std::move(report).error());
}

RequestResult<DerivedKey> DeviceTransport::derived_key(const KeyQuery& query) {
  if (query.version_2) {
    return fail(Code::unsupported,
                "sev-guest device: its driver has no place for version 2 of MSG_KEY_REQ "
                "(LAUNCH_MIT_VECTOR): ask with version 1");
  }
  sev_guest::DerivedKeyReq asked{};
  asked.root_key_select = query.root_key_select;
  asked.guest_field_select = query.guest_field_select;
  asked.vmpl = query.vmpl;
  asked.guest_svn = query.guest_svn;
  asked.tcb_version = query.tcb_version;
  sev_guest::DerivedKeyResp response{};
  const Outcome outcome = send(sev_guest::ioctl_get_derived_key, asked, response);
  if (!outcome.success()) return failed(explain(outcome));
  auto key = read_key_response(response.data);
  wipe(response.data);
  return key;
}

Status DeviceTransport::drop_key() {
  return fail(Code::unsupported,
              "sev-guest device: the driver holds the key and gives it up to nobody; close the "
              "device to everybody instead (unload the module)");
}

}  // namespace extreq::guest
