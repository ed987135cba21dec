#include "firmware/model/installation.hpp"

#include "base/try.hpp"
#include "crypto/random.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Product;

CpuSignature usual_cpu(Product product) {
  switch (product) {
    case Product::milan:
      return {0x19, 0x01, 1};
    case Product::genoa:
      return {0x19, 0x11, 1};
    default:
      return {0x1A, 0x02, 1};
  }
}

}  // namespace

FirmwareImage usual_firmware(Product product) {
  FirmwareImage image;
  image.version = {.build = 29, .minor = 58, .major = 1, .reserved = 0};
  switch (product) {
    case Product::milan:
      image.tcb = {std::nullopt, 4, 0, 24, 219};
      break;
    case Product::genoa:
      image.tcb = {std::nullopt, 10, 0, 23, 84};
      break;
    default:
      image.tcb = {std::uint8_t{1}, 1, 1, 4, 75};
      break;
  }
  return image;
}

Result<PlatformState> new_platform(const Installation& installation, const Clock& clock) {
  PlatformState state;
  state.product = installation.product;
  state.cpu = installation.cpu.value_or(usual_cpu(installation.product));
  EXTREQ_TRY(crypto::random_bytes(state.chip_secret.mutable_view()));
  EXTREQ_TRY(crypto::random_bytes(state.kds_secret.mutable_view()));
  if (installation.chip_id) {
    state.chip_id = *installation.chip_id;
  } else {
    const bool turin =
        attestation::layout_of(installation.product) == attestation::TcbLayout::turin;
    EXTREQ_TRY(crypto::random_bytes(
        MutableByteView(state.chip_id)
            .first(turin ? abi::snp::chip_id_size_turin : state.chip_id.size())));
  }
  state.created_at = clock.utc();
  state.current = installation.firmware.value_or(usual_firmware(installation.product));
  state.committed_tcb = installation.committed_tcb.value_or(state.current.tcb);
  state.committed_version = state.current.version;
  state.reported_tcb = installation.reported_tcb.value_or(state.committed_tcb);
  state.platform_info = installation.platform_info;
  EXTREQ_TRY(check(state));
  return state;
}

}  // namespace extreq::firmware::model
