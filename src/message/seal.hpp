// seal and open: a guest message under a VMPCK, in one page.
//
// AES-256-GCM with the message's sequence number as IV: whoever seals must never use one number
// for two different messages under one key. Requester and Responder keep that rule; use these
// functions only below them and in tests.
// Threading: no state.
#pragma once

#include "message/envelope.hpp"

namespace extreq::message {

// Effect: fills the whole page with header, ciphertext and zeros.
// Failure: invalid_input (payload over 4000 bytes, key number over 3, sequence number 0); io if the
// cipher fails. The page then holds zeros.
[[nodiscard]] Status seal(const Vmpck& key, const Envelope& envelope, ByteView payload,
                          MutablePageView page);

// The payload in the clear. `page` must be a private copy: it is read more than once.
// Failure: invalid_input as read_envelope; not_genuine if the tag does not fit the key.
[[nodiscard]] Result<Bytes> open(const Vmpck& key, PageView page);

}  // namespace extreq::message
