#include "sim/guest_kernel.hpp"

#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::sim {
namespace {

namespace snp = abi::snp;

}  // namespace

Result<std::unique_ptr<GuestKernel>> GuestKernel::start(GuestRam& ram, std::uint64_t secrets_gpa,
                                                        Clock& clock) {
  std::unique_ptr<GuestKernel> kernel(new GuestKernel(clock));
  for (std::size_t i = 0; i < kernel->keys_.size(); ++i) {
    const std::uint64_t gpa =
        secrets_gpa + offsetof(snp::SecretsPage, vmpck0) + i * snp::vmpck_size;
    EXTREQ_TRY(ram.read(gpa, kernel->keys_.at(i).vmpck.mutable_view()));
    EXTREQ_TRY(ram.write(gpa, std::array<std::uint8_t, snp::vmpck_size>{}));
  }
  return kernel;
}

guest::RequestResult<guest::Evidence> GuestKernel::extended_report(
    std::size_t key, GuestProcessor& on, const guest::ReportQuery& query) {
  Key& entry = keys_.at(key);
  const std::scoped_lock lock(entry.mutex);
  if (!entry.channel) {
    message::Requester requester(std::move(entry.vmpck), static_cast<std::uint8_t>(key));
    auto channel = guest::GhcbChannel::create(std::move(requester), on, on.pages(), clock_, {});
    if (!channel) return guest::failed(std::move(channel).error());
    entry.channel = *std::move(channel);
  } else if (auto moved = entry.channel->move_to(on, on.pages()); !moved) {
    return guest::failed(std::move(moved).error());
  }
  return entry.channel->extended_report(query);
}

}  // namespace extreq::sim
