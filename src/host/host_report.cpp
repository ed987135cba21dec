#include "host/host_report.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/try.hpp"
#include "host/certificate_key.hpp"
#include "host/tcb_text.hpp"

namespace extreq::host {
namespace {

using attestation::Product;
using attestation::Tcb;

// As parse_tcb() reads it.
std::string tcb_line(const Tcb& tcb) {
  std::string text = tcb.fmc ? fmt::format("fmc={},", *tcb.fmc) : std::string();
  text +=
      fmt::format("bl={},tee={},snp={},ucode={}", tcb.bootloader, tcb.tee, tcb.snp, tcb.microcode);
  return text;
}

Result<Bytes> significant(Product product, Bytes chip_id) {
  const std::size_t size = chip_id_size(product);
  if (chip_id.size() > size && all_zero(ByteView(chip_id).subspan(size))) chip_id.resize(size);
  if (chip_id.size() != size) {
    return fail(Code::invalid_input, "the chip id has {} bytes, {}'s have {}", chip_id.size(),
                attestation::kds_name(product), size);
  }
  return chip_id;
}

}  // namespace

Result<HostReport> read_host_report(firmware::Platform& platform) {
  EXTREQ_TRY_ASSIGN(const SigningState state, read_signing_state(platform));
  const auto status = platform.platform_status();
  if (!status) return fail(Code::io, "{}", status.error().message);
  HostReport report;
  report.product = state.product;
  EXTREQ_TRY_ASSIGN(report.chip_id,
                    significant(state.product, Bytes(state.chip_id.begin(), state.chip_id.end())));
  const auto layout = attestation::layout_of(state.product);
  report.reported_tcb = attestation::decode_tcb(status->reported_tcb, layout);
  report.current_tcb = attestation::decode_tcb(status->current_tcb, layout);
  return report;
}

std::string to_line(const HostReport& report) {
  return fmt::format("{} {} {} {}\n", attestation::kds_name(report.product), to_hex(report.chip_id),
                     tcb_line(report.reported_tcb), tcb_line(report.current_tcb));
}

Result<Bytes> parse_chip_id(Product product, std::string_view text) {
  EXTREQ_TRY_ASSIGN(Bytes chip_id, from_hex(text));
  return significant(product, std::move(chip_id));
}

Result<HostReport> parse_host_report(std::string_view line) {
  if (line.size() > host_report_max) {
    return fail(Code::invalid_input, "a host's report has {} bytes, at most {} wanted", line.size(),
                host_report_max);
  }
  if (line.ends_with('\n')) line.remove_suffix(1);
  std::array<std::string_view, 4> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t end = std::min(line.find(' '), line.size());
    words[i] = line.substr(0, end);
    const bool last = i + 1 == words.size();
    if (words[i].empty() || last != (end == line.size())) {
      return fail(Code::invalid_input,
                  "a host's report is not: product, chip id, reported TCB, current TCB");
    }
    line.remove_prefix(last ? end : end + 1);
  }
  HostReport report;
  EXTREQ_TRY_ASSIGN(report.product, attestation::product_from_name(words[0]));
  EXTREQ_TRY_ASSIGN(report.chip_id, parse_chip_id(report.product, words[1]));
  EXTREQ_TRY_ASSIGN(report.reported_tcb, parse_tcb(words[2], report.product));
  EXTREQ_TRY_ASSIGN(report.current_tcb, parse_tcb(words[3], report.product));
  return report;
}

}  // namespace extreq::host
