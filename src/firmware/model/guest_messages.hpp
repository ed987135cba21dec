// What the processor answers to an opened guest message (AMD 56860, chapter "Guest Messages").
//
// Two kinds of refusal, never to be confused. A message that is not one this firmware knows (type,
// version, size: the envelope) is refused by the command's status, without a response message. One
// that is known and asks for what it may not have gets a response with a STATUS in it, and the
// channel goes on.
// Threading: used inside a turn of the StateStore only.
#pragma once

#include <tl/expected.hpp>

#include "abi/snp_firmware.hpp"
#include "base/bytes.hpp"
#include "firmware/model/endorsement_keys.hpp"
#include "firmware/model/guest_context.hpp"
#include "firmware/model/platform_state.hpp"
#include "message/responder.hpp"

namespace extreq::firmware::model {

// The payload of the response, which may hold a key: the caller wipes it. Or the command's status:
// invalid_param for an unknown type, version or size; unsupported for the messages of migration
// (EXPORT, IMPORT, ABSORB, ABSORB_NOMA, VMRK), which the model does not have.
[[nodiscard]] tl::expected<Bytes, abi::snp::CommandStatus> answer(const message::Request& request,
                                                                  const PlatformState& platform,
                                                                  const GuestContext& guest,
                                                                  KeyCache& keys);

}  // namespace extreq::firmware::model
