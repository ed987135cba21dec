#include "cli/payload.hpp"

namespace extreq::cli {

Result<Payload> guest_payload() {
  return fail(Code::unsupported,
              "this build has sanitizers and no programs for the guest: use another build");
}

}  // namespace extreq::cli
