#include "cli/payload.hpp"

extern "C" {
extern const std::uint8_t extreq_payload_init[];
extern const std::uint8_t extreq_payload_init_end[];
extern const std::uint8_t extreq_payload_program[];
extern const std::uint8_t extreq_payload_program_end[];
}

namespace extreq::cli {

Result<Payload> guest_payload() {
  return Payload{ByteView(extreq_payload_init, extreq_payload_init_end),
                 ByteView(extreq_payload_program, extreq_payload_program_end)};
}

}  // namespace extreq::cli
