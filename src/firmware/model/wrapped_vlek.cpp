#include "firmware/model/wrapped_vlek.hpp"

#include <algorithm>
#include <cstddef>

#include "abi/little_endian.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "crypto/aes_gcm.hpp"
#include "crypto/random.hpp"
#include "firmware/model/endorsement_keys.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;

struct Content {                        // offset   what is sealed
  abi::ByteArray<48> seed{};            //  0x00
  abi::U8 csp_id_size = 0;              //  0x30
  abi::ByteArray<csp_id_max> csp_id{};  //  0x31   zero padded
  abi::ByteArray<272> reserved{};       //  0x70
};
static_assert(sizeof(Content) == sizeof(snp::WrappedVlek::vlek_wrapped));
static_assert(offsetof(Content, csp_id_size) == 0x30 && offsetof(Content, csp_id) == 0x31 &&
              offsetof(Content, reserved) == 0x70);
using ContentBytes = std::array<std::uint8_t, sizeof(Content)>;

}  // namespace

Result<snp::WrappedVlek> wrap_vlek(const Secret<64>& chip_secret, const LoadedVlek& vlek,
                                   const attestation::Tcb& tcb) {
  EXTREQ_TRY(check_csp_id(vlek.csp_id));
  Secret<sizeof(Content)> plain;
  const MutableByteView bytes = plain.mutable_view();
  std::ranges::copy(vlek.seed.view(), bytes.begin());
  bytes[offsetof(Content, csp_id_size)] = static_cast<std::uint8_t>(vlek.csp_id.size());
  std::ranges::copy(vlek.csp_id, bytes.begin() + offsetof(Content, csp_id));

  snp::WrappedVlek wrapped;
  EXTREQ_TRY(crypto::random_bytes(wrapped.iv));
  wrapped.tcb_version = attestation::encode_tcb(tcb);
  const Bytes aad = ByteBuilder().object(wrapped.tcb_version).take();
  EXTREQ_TRY(crypto::aes_gcm_seal(derive_vlek_wrapping_key(chip_secret).view(), wrapped.iv, aad,
                                  plain.view(), wrapped.vlek_wrapped, wrapped.vlek_auth_tag));
  return wrapped;
}

Result<LoadedVlek> unwrap_vlek(const Secret<64>& chip_secret, const snp::WrappedVlek& wrapped) {
  if (wrapped.reserved_00c != 0 || wrapped.reserved_198 != 0) {
    return fail(Code::invalid_input,
                "the reserved fields at 0xC and 0x198 are {:#x} and {:#x}, "
                "zero is required",
                wrapped.reserved_00c.get(), wrapped.reserved_198.get());
  }
  Secret<sizeof(Content)> plain;
  const Bytes aad = ByteBuilder().object(wrapped.tcb_version).take();
  EXTREQ_TRY(crypto::aes_gcm_open(derive_vlek_wrapping_key(chip_secret).view(), wrapped.iv, aad,
                                  wrapped.vlek_wrapped, plain.mutable_view(),
                                  wrapped.vlek_auth_tag));
  const ByteView bytes = plain.view();
  const std::size_t csp_id_size = bytes[offsetof(Content, csp_id_size)];
  if (csp_id_size > csp_id_max ||
      !all_zero(bytes.subspan(offsetof(Content, csp_id) + csp_id_size))) {
    return fail(Code::invalid_input, "the content is not the model KDS's: CSP id of {} bytes",
                csp_id_size);
  }
  LoadedVlek vlek;
  std::ranges::copy(bytes.first<sizeof(Content::seed)>(), vlek.seed.mutable_view().begin());
  const ByteView csp_id = bytes.subspan(offsetof(Content, csp_id), csp_id_size);
  vlek.csp_id.assign(csp_id.begin(), csp_id.end());
  EXTREQ_TRY(check_csp_id(vlek.csp_id));
  return vlek;
}

}  // namespace extreq::firmware::model
