#include "bench/bench_evidence.hpp"

#include <cstdlib>

#include <fmt/format.h>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"

namespace extreq::bench {
namespace {

namespace snp = abi::snp;

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "benchmark: {}\n", why);
  std::exit(EXIT_FAILURE);
}

template <class T>
T need(firmware::CommandResult<T> result) {
  if (!result) give_up(result.error().message);
  return *std::move(result);
}

}  // namespace

Platform make_platform(const firmware::model::Installation& installation) {
  auto processor = firmware::model::SecureProcessor::in_memory(installation);
  if (!processor) give_up(processor.error().message);
  Platform platform;
  platform.processor = *std::move(processor);
  platform.guest = need(platform.processor->create_guest());
  if (!platform.processor->launch_start(platform.guest, {})) give_up("launch_start");
  const firmware::model::GuestPage page{};
  const auto secrets = need(platform.processor->launch_update(
      platform.guest, {.type = snp::PageType::secrets, .gpa = 0x1000, .contents = page}));
  if (!secrets) give_up("no secrets page");
  const auto layout = *ByteReader(*secrets).object<snp::SecretsPage>();
  platform.vmpck0 = message::Vmpck(std::span<const std::uint8_t, snp::vmpck_size>(layout.vmpck0));
  if (!platform.processor->launch_finish(platform.guest, {})) give_up("launch_finish");
  return platform;
}

Platform& platform() {
  static Platform platform = make_platform({});
  return platform;
}

message::Requester& requester() {
  static message::Requester requester(platform().vmpck0.clone(), 0);
  return requester;
}

Bytes report_from(Platform& platform, message::Requester& requester) {
  return report_from(platform, requester, {});
}

Bytes report_from(Platform& platform, message::Requester& requester,
                  const snp::ReportRequest& request) {
  const Bytes payload = ByteBuilder().object(request).take();
  if (!requester.seal(snp::MessageType::report_req, snp::message_version_1, payload)) {
    give_up("seal");
  }
  message::Page response{};
  const auto status =
      platform.processor->guest_request(platform.guest, *requester.pending(), response);
  if (!status || *status != snp::CommandStatus::success) give_up("guest_request");
  const auto opened = requester.open_response(response);
  if (!opened) give_up(opened.error().message);
  const ByteView report = ByteView(*opened).subspan(offsetof(snp::ReportResponse, report));
  return {report.begin(), report.end()};
}

}  // namespace extreq::bench
