#include "firmware/model/derived_key.hpp"

#include "base/byte_builder.hpp"
#include "crypto/hash.hpp"
#include "firmware/model/endorsement_keys.hpp"
#include "firmware/model/report.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace select = snp::guest_field_select;
using snp::CommandStatus;

bool is_valid(const PlatformState& platform, const GuestContext& guest,
              const snp::KeyRequestV2& request, std::uint8_t version, std::uint8_t vmpck) {
  const snp::KeyRequest& v1 = request.v1;
  const auto layout = attestation::layout_of(platform.product);
  const std::uint64_t fields =
      version == snp::message_version_1 ? select::known_mask_v1 : select::known_mask_v2;
  return (v1.root_key_select & ~snp::root_key_select_known_mask) == 0 && v1.reserved == 0 &&
         (v1.guest_field_select & ~fields) == 0 && v1.vmpl >= vmpck && v1.vmpl < snp::vmpl_count &&
         v1.guest_svn <= guest.identity.guest_svn &&
         attestation::reserved_bits_zero(v1.tcb_version, layout) &&
         attestation::all_components_at_least(platform.committed_tcb,
                                              attestation::decode_tcb(v1.tcb_version, layout)) &&
         (request.launch_mit_vector & ~guest.launch_mit_vector) == 0;
}

std::optional<DerivationRoot> root_of(const PlatformState& platform, const GuestContext& guest,
                                      std::uint32_t root_key_select) {
  if ((root_key_select & snp::root_key_select_vmrk) != 0) {
    DerivationRoot root;
    crypto::hkdf_sha384(guest.vmrk.view(), {}, to_bytes("extreq model: derivation root VMRK"),
                        root.mutable_view());
    return root;
  }
  switch (select_key(root_key_select >> snp::root_key_select_key_sel_shift, platform, guest)) {
    case SelectedKey::vlek:
      return derive_vlek_root(platform, *platform.vlek);
    case SelectedKey::vcek:
      if (platform.mask_chip_key) return std::nullopt;
      return derive_vcek_root(platform);
    case SelectedKey::none:
      break;
  }
  return std::nullopt;
}

}  // namespace

DerivedKey derive_key(const PlatformState& platform, const GuestContext& guest,
                      const snp::KeyRequestV2& request, std::uint8_t version, std::uint8_t vmpck) {
  if (!is_valid(platform, guest, request, version, vmpck))
    return {CommandStatus::invalid_param, {}};
  const snp::KeyRequest& v1 = request.v1;
  const auto root = root_of(platform, guest, v1.root_key_select);
  if (!root) return {CommandStatus::invalid_key, {}};

  const std::uint64_t fields = v1.guest_field_select;
  const auto selected = [&](std::uint64_t field) { return (fields & field) != 0; };
  const auto number = [&](std::uint64_t field, std::uint64_t value) {
    return selected(field) ? value : 0;
  };
  ByteBuilder info;
  info.bytes(to_bytes("extreq model: derived key")).u8(0).u64(fields).u32(v1.vmpl);
  info.u64(number(select::guest_policy, guest.policy));
  if (selected(select::image_id)) info.bytes(guest.identity.image_id);
  if (selected(select::family_id)) info.bytes(guest.identity.family_id);
  if (selected(select::measurement)) info.bytes(guest.launch_digest.digest());
  info.u32(static_cast<std::uint32_t>(number(select::guest_svn, v1.guest_svn)));
  info.u64(number(select::tcb_version, v1.tcb_version));
  info.u64(number(select::launch_mit_vector, request.launch_mit_vector));

  DerivedKey derived;
  crypto::hkdf_sha384(root->view(), {}, info.view(), derived.key.mutable_view());
  return derived;
}

}  // namespace extreq::firmware::model
