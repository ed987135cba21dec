// What the firmware's opened responses say, checked against what was asked (document 56860,
// "MSG_REPORT_RSP", "MSG_KEY_RSP").
//
// Threading: pure functions.
#pragma once

#include "guest/transport.hpp"

namespace extreq::guest {

// The sealed forms of the questions. Failure: invalid_input for a VMPL or a KEY_SEL that no
// firmware accepts; nothing need be sealed then.
[[nodiscard]] Result<abi::snp::ReportRequest> to_request(const ReportQuery& query);

// `payload` may be longer than the message: Linux pads it with zeros.
// Failure: a STATUS other than success (response_status is set); invalid_input for a payload or a
// REPORT_SIZE that holds no report; not_genuine for a report of zeros and for one with another
// REPORT_DATA or VMPL than asked.
[[nodiscard]] RequestResult<Bytes> read_report_response(ByteView payload, const ReportQuery& query);

// The payload is left alone: whoever holds it wipes it.
// Failure: a STATUS other than success; invalid_input for a payload that is too short; not_genuine
// for a key of zeros.
[[nodiscard]] RequestResult<DerivedKey> read_key_response(ByteView payload);

// A certificate table whose first entry is the end, or no bytes at all: the host has nothing to
// say.
[[nodiscard]] bool is_empty_table(ByteView table) noexcept;

}  // namespace extreq::guest
