// Transport: how a guest asks the firmware, whatever carries the message.
//
// Who implements it: GhcbChannel (a guest that holds its own VMPCK and GHCB) and DeviceTransport
// (/dev/sev-guest of Linux). doc/guest.md holds the states of a request and what each answer of the
// host leads to.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/secret.hpp"
#include "guest/failure.hpp"

namespace extreq::guest {

struct ReportQuery {
  std::array<std::uint8_t, 64> report_data{};
  std::uint32_t vmpl = 0;  // 0..3, not below the requester's own
  std::uint32_t key_sel = abi::snp::key_sel_vlek_or_vcek;
};

// Message version 2 of MSG_KEY_REQ. Firmware that lacks it refuses the whole message, and the VMPCK
// is lost by that: set it only when this host's firmware is known to have it.
struct FirmwareHasKeyRequestV2 {
  std::uint64_t launch_mit_vector = 0;
};

struct KeyQuery {
  std::uint32_t root_key_select = 0;
  std::uint64_t guest_field_select = 0;
  std::uint32_t vmpl = 0;
  std::uint32_t guest_svn = 0;
  std::uint64_t tcb_version = 0;
  std::optional<FirmwareHasKeyRequestV2> version_2;
};

using DerivedKey = Secret<32>;

// Why a reply to an extended request has no certificates.
enum class NoCertificates : std::uint8_t {
  host_has_none,        // an empty table, or no table was ever set on the host
  not_supported,        // the host does not know the extended request
  table_too_large,      // it wants more pages than the limit
  table_keeps_growing,  // it wanted more pages once too often
  absurd_length,        // it refused a buffer and wants no larger one
};

// "the host has no certificates", ...
[[nodiscard]] std::string_view to_text(NoCertificates why) noexcept;

// The host's answer that the certificate buffer is too small: VMM error INVALID_LEN
// (GHCB specification, "SNP Extended Guest Request").
struct TooSmall {
  std::uint64_t pages_offered = 0;
  std::uint64_t pages_wanted = 0;
  // What Linux's driver made of it: EIO, ENOSPC if it is an old one; 0 where no driver is between.
  int driver_errno = 0;
};

// "VMM error 0x1 (buffer too small): the table needs 8192 bytes, 0 bytes were offered; ..."
[[nodiscard]] std::string to_text(const TooSmall& answer);

// How a request went, for logs and for whoever tunes the limits.
struct Notes {
  std::uint32_t sends = 0;  // times that a message was handed to the host
  std::uint32_t busy = 0;   // of those: answered BUSY
  Clock::Duration busy_wait{};
  std::uint32_t table_growths = 0;    // times that the host wanted more pages and got them
  std::uint64_t pages_wanted = 0;     // what it wanted last; 0 if it never said
  std::optional<TooSmall> too_small;  // its last such answer
  std::optional<NoCertificates> no_certificates;  // set: the report came alone
};

// "2 sends, 1 busy (10 ms); no certificates: ..."
[[nodiscard]] std::string to_text(const Notes& notes);

struct ReportReply {
  Bytes report;  // as the firmware wrote it, sizeof(abi::snp::AttestationReport) bytes
  Notes notes;
};

struct Evidence {
  Bytes report;
  // The pages as the host left them, not looked at beyond the first entry; no bytes if there are no
  // certificates (notes.no_certificates). certificates_match() decides whether they belong to the
  // report.
  Bytes certificate_table;
  Notes notes;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // Effect: one sealed request and its answer; BUSY is waited out within the limits. A report that
  // is given carries the REPORT_DATA and the VMPL that were asked for. It is not verified.
  // Failure: see RequestFailure. Threading: one thread at a time, as all calls of a transport.
  [[nodiscard]] virtual RequestResult<ReportReply> report(const ReportQuery& query) = 0;

  // As report(), with the host's certificates. If there are none to be had, the report comes alone
  // and the notes say why: that is no failure.
  [[nodiscard]] virtual RequestResult<Evidence> extended_report(const ReportQuery& query) = 0;

  [[nodiscard]] virtual RequestResult<DerivedKey> derived_key(const KeyQuery& query) = 0;

  // Wipes the VMPCK, so that whatever runs later in this guest can ask for nothing under it.
  // Failure: unsupported where somebody else holds the key.
  [[nodiscard]] virtual Status drop_key() = 0;

  // False once the key is known to be lost or dropped.
  [[nodiscard]] virtual bool usable() const noexcept = 0;
};

}  // namespace extreq::guest
