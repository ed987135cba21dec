#include "firmware/model/guest_messages.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "firmware/model/cpuid_rules.hpp"
#include "firmware/model/derived_key.hpp"
#include "firmware/model/report.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using snp::CommandStatus;
using snp::MessageType;
using ResponsePayload = tl::expected<Bytes, CommandStatus>;

constexpr auto refused = [](CommandStatus status) { return tl::unexpected<CommandStatus>(status); };

std::uint32_t number(CommandStatus status) { return static_cast<std::uint32_t>(status); }

template <class Layout>
Bytes payload_of(const Layout& layout) {
  return ByteBuilder(sizeof(Layout)).object(layout).take();
}

// The whole payload as one layout; nothing for another size.
template <class Layout>
std::optional<Layout> whole(ByteView payload) {
  if (payload.size() != sizeof(Layout)) return std::nullopt;
  return ByteReader(payload).object<Layout>();
}

ResponsePayload answer_report(const message::Request& request, const PlatformState& platform,
                              const GuestContext& guest, KeyCache& keys) {
  const auto wanted = whole<snp::ReportRequest>(request.payload);
  if (!wanted || request.envelope.version != snp::message_version_1) {
    return refused(CommandStatus::invalid_param);
  }
  snp::ReportResponse response;
  const bool valid = wanted->vmpl >= request.envelope.vmpck && wanted->vmpl < snp::vmpl_count &&
                     (wanted->key_sel & ~snp::key_sel_mask) == 0 && all_zero(wanted->reserved);
  const SelectedKey key = select_key(wanted->key_sel, platform, guest);
  if (!valid) {
    response.status = number(CommandStatus::invalid_param);
  } else if (key == SelectedKey::none) {
    response.status = number(CommandStatus::invalid_key);
  } else {
    response.report_size = static_cast<std::uint32_t>(sizeof(snp::AttestationReport));
    response.report = make_report(platform, guest, *wanted, key, keys);
  }
  return payload_of(response);
}

ResponsePayload answer_key(const message::Request& request, const PlatformState& platform,
                           const GuestContext& guest) {
  const std::uint8_t version = request.envelope.version;
  std::optional<snp::KeyRequestV2> wanted;
  if (version == snp::message_version_1) {
    if (const auto v1 = whole<snp::KeyRequest>(request.payload)) {
      wanted = snp::KeyRequestV2{*v1, {}};
    }
  } else if (version == snp::key_req_version_2 && platform.current.key_request_version >= version) {
    wanted = whole<snp::KeyRequestV2>(request.payload);
  }
  if (!wanted) return refused(CommandStatus::invalid_param);
  const DerivedKey derived = derive_key(platform, guest, *wanted, version, request.envelope.vmpck);
  snp::KeyResponse response;
  response.status = number(derived.status);
  std::ranges::copy(derived.key.view(), response.derived_key.begin());
  Bytes payload = payload_of(response);
  wipe(response.derived_key);
  return payload;
}

ResponsePayload answer_tsc_info(const message::Request& request, const GuestContext& guest) {
  const auto wanted = whole<snp::TscInfoRequest>(request.payload);
  if (!wanted || request.envelope.version != snp::message_version_1) {
    return refused(CommandStatus::invalid_param);
  }
  snp::TscInfoResponse response;
  if (!all_zero(wanted->reserved)) {
    response.status = number(CommandStatus::invalid_param);
  } else {
    response.guest_tsc_scale = guest.tsc.scale;
    response.guest_tsc_offset = guest.tsc.offset;
    response.tsc_factor = guest.tsc.factor;
  }
  return payload_of(response);
}

ResponsePayload answer_cpuid(const message::Request& request, const PlatformState& platform) {
  ByteReader reader(request.payload);
  const auto head = reader.object<snp::CpuidRequestHead>();
  if (!head || request.envelope.version != snp::message_version_1 ||
      head->count > snp::cpuid_function_max ||
      reader.remaining() != head->count * sizeof(snp::CpuidFunction)) {
    return refused(CommandStatus::invalid_param);
  }
  bool valid = all_zero(head->reserved);
  ByteBuilder functions;
  while (const auto function = reader.object<snp::CpuidFunction>()) {
    valid = valid && check_cpuid_function(*function, platform.cpu).has_value();
    functions.object(*function);
  }
  snp::CpuidResponseHead response;
  response.status = number(valid ? CommandStatus::success : CommandStatus::invalid_param);
  response.count = valid ? head->count.get() : 0;
  ByteBuilder payload;
  payload.object(response);
  if (valid) payload.bytes(functions.view());
  return payload.take();
}

}  // namespace

ResponsePayload answer(const message::Request& request, const PlatformState& platform,
                       const GuestContext& guest, KeyCache& keys) {
  switch (request.envelope.type) {
    case MessageType::report_req:
      return answer_report(request, platform, guest, keys);
    case MessageType::key_req:
      return answer_key(request, platform, guest);
    case MessageType::tsc_info_req:
      return answer_tsc_info(request, guest);
    case MessageType::cpuid_req:
      return answer_cpuid(request, platform);
    case MessageType::export_req:
    case MessageType::import_req:
    case MessageType::absorb_req:
    case MessageType::absorb_noma_req:
    case MessageType::vmrk_req:
      return refused(CommandStatus::unsupported);
    default:
      return refused(CommandStatus::invalid_param);
  }
}

}  // namespace extreq::firmware::model
