#include "sim/guest_processor.hpp"

#include <algorithm>
#include <array>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::sim {
namespace {

namespace ghcb = abi::ghcb;
namespace msr = abi::ghcb::msr;
namespace psc = abi::ghcb::page_state_change;

Status check_info(const char* what, std::uint64_t answer, std::uint64_t info) {
  if (msr::info(answer) == info) return {};
  return fail(Code::closed, "guest: the host answered {} with GHCB MSR {:#x}, {:#x} was expected",
              what, answer, info);
}

}  // namespace

Status GuestProcessor::start() {
  EXTREQ_TRY(agree_on_protocol());
  EXTREQ_TRY(share_ghcb());
  return share_other_pages();
}

Status GuestProcessor::agree_on_protocol() {
  EXTREQ_TRY_ASSIGN(const std::uint64_t info, cpu_.vmgexit(msr::encode_sev_info_request()));
  EXTREQ_TRY(check_info("the SEV information request", info, msr::info_sev_info_response));
  const auto sev_info = msr::decode_sev_info_response(info);
  if (sev_info.max_version < ghcb::protocol_version_max ||
      sev_info.min_version > ghcb::protocol_version_max) {
    return fail(Code::unsupported, "guest: the host speaks GHCB versions {} to {}, {} is needed",
                sev_info.min_version, sev_info.max_version, ghcb::protocol_version_max);
  }
  EXTREQ_TRY_ASSIGN(const std::uint64_t features,
                    cpu_.vmgexit(msr::encode_hypervisor_features_request()));
  EXTREQ_TRY(check_info("the feature request", features, msr::info_hypervisor_features_response));
  if ((msr::decode_hypervisor_features_response(features) & ghcb::hypervisor_features::snp) == 0) {
    return fail(Code::unsupported, "guest: the host's features {:#x} lack SNP", features);
  }
  return {};
}

Status GuestProcessor::share_ghcb() {
  const std::uint64_t gfn = pages_.ghcb >> ghcb::page_shift;
  EXTREQ_TRY_ASSIGN(
      const std::uint64_t shared,
      cpu_.vmgexit(msr::encode_page_state_change_request({gfn, psc::operation_shared})));
  EXTREQ_TRY(check_info("a page state change", shared, msr::info_page_state_change_response));
  if (const auto error = msr::decode_page_state_change_response(shared); error != 0) {
    return fail(Code::closed, "guest: the host refused to share the GHCB, error {:#x}", error);
  }
  const std::uint64_t wanted = msr::encode_register_gpa_response(gfn);
  EXTREQ_TRY_ASSIGN(const std::uint64_t registered,
                    cpu_.vmgexit(msr::encode_register_gpa_request(gfn)));
  if (registered != wanted) {
    return fail(Code::closed, "guest: registering the GHCB gave {:#x}, {:#x} was expected",
                registered, wanted);
  }
  return {};
}

Status GuestProcessor::share_other_pages() {
  psc::Buffer buffer;
  std::uint16_t entries = 0;
  const auto add = [&](std::uint64_t gpa) {
    psc::Entry entry;
    entry.gfn = gpa >> ghcb::page_shift;
    entry.operation = psc::operation_shared;
    buffer.entries.at(entries++) = psc::encode_entry(entry);
  };
  add(pages_.request);
  add(pages_.response);
  for (std::uint64_t i = 0; i < pages_.certificate_pages; ++i) {
    add(pages_.certificates + i * ghcb::page_size);
  }
  buffer.header.end_entry = static_cast<std::uint16_t>(entries - 1);

  ghcb::Page page;
  page.protocol_version = ghcb::protocol_version_max;
  page.usage = ghcb::usage_standard;
  const auto set = [&](abi::Le64& field, std::size_t at, std::uint64_t value) {
    field = value;
    ghcb::mark_valid(page.valid_bitmap, at);
  };
  set(page.sw_exitcode, offsetof(abi::ghcb::Page, sw_exitcode), ghcb::event::page_state_change);
  set(page.sw_exitinfo1, offsetof(abi::ghcb::Page, sw_exitinfo1), 0);
  set(page.sw_exitinfo2, offsetof(abi::ghcb::Page, sw_exitinfo2), 0);
  set(page.sw_scratch, offsetof(abi::ghcb::Page, sw_scratch),
      pages_.ghcb + offsetof(abi::ghcb::Page, shared_buffer));
  const Bytes bytes = ByteBuilder(sizeof(buffer)).object(buffer).take();
  std::copy(bytes.begin(), bytes.end(), page.shared_buffer.begin());
  EXTREQ_TRY(write(pages_.ghcb, ByteBuilder(sizeof(page)).object(page).view()));
  EXTREQ_TRY(vmgexit(pages_.ghcb));

  std::array<std::uint8_t, sizeof(ghcb::Page)> answered{};
  EXTREQ_TRY(read(pages_.ghcb, answered));
  const auto answer = *ByteReader(answered).object<ghcb::Page>();
  if (answer.sw_exitinfo2 != 0) {
    return fail(Code::closed, "guest: the host refused to share pages, SW_EXITINFO2 {:#x}",
                answer.sw_exitinfo2.get());
  }
  const auto header = *ByteReader(answer.shared_buffer).object<psc::Header>();
  if (header.cur_entry <= header.end_entry) {
    return fail(Code::closed, "guest: the host shared {} of {} pages", header.cur_entry.get(),
                header.end_entry + 1);
  }
  return {};
}

Status GuestProcessor::read(std::uint64_t gpa, MutableByteView to) { return ram_.read(gpa, to); }

Status GuestProcessor::write(std::uint64_t gpa, ByteView from) { return ram_.write(gpa, from); }

Status GuestProcessor::vmgexit(std::uint64_t ghcb_msr) {
  EXTREQ_TRY(cpu_.vmgexit(ghcb_msr));
  return {};
}

}  // namespace extreq::sim
