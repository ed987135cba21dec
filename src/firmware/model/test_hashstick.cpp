// Writes the hashstick that the key service of a model platform wraps for a provider and the
// reported TCB, for tests/kds_cli_test.py.
#include <cstdio>

#include "attestation/tcb.hpp"
#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "firmware/model/secure_processor.hpp"

namespace extreq::firmware::model {
namespace {

Status write_hashstick(const std::string& platform, const std::string& csp_id,
                       const std::string& file) {
  EXTREQ_TRY_ASSIGN(const auto processor, SecureProcessor::open(platform));
  const auto status = processor->platform_status();
  if (!status) return fail(Code::io, "{}", status.error().message);
  const auto layout = attestation::layout_of(processor->kds().product());
  const auto tcb = attestation::decode_tcb(status->reported_tcb, layout);
  EXTREQ_TRY_ASSIGN(const auto hashstick, processor->kds().wrap_vlek(csp_id, tcb));
  return replace_file(file, ByteBuilder().object(hashstick).take(), 0600);
}

}  // namespace
}  // namespace extreq::firmware::model

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: extreq_write_test_hashstick PLATFORM CSP_ID FILE\n", stderr);
    return 1;
  }
  const auto status = extreq::firmware::model::write_hashstick(argv[1], argv[2], argv[3]);
  if (!status) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
