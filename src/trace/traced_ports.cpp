#include "trace/traced_ports.hpp"

#include <utility>

#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::trace {
namespace {

namespace snp = abi::snp;

constexpr std::string_view firmware_track = "firmware: guest requests";
constexpr std::string_view lease_track = "VMM: leases on certificates";

class TracedHolder final : public lease::Holder {
 public:
  TracedHolder(std::unique_ptr<lease::Holder> holder, Trace& trace) noexcept
      : holder_(std::move(holder)), trace_(trace) {}
  ~TracedHolder() override { end(); }
  TracedHolder(const TracedHolder&) = delete;
  TracedHolder& operator=(const TracedHolder&) = delete;
  TracedHolder(TracedHolder&&) = delete;
  TracedHolder& operator=(TracedHolder&&) = delete;

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    const auto start = trace_.now();
    auto table = holder_->acquire(max_wait);
    if (table) {
      held_since_ = trace_.now();
      detail_ = fmt::format("{} bytes", table->size());
    }
    trace_.span(lease_track, table ? "acquire" : "acquire failed", start,
                table ? "" : table.error().message);
    return table;
  }
  void release() noexcept override { end(); }
  [[nodiscard]] bool held() const noexcept override { return holder_->held(); }

 private:
  // The lease ends before the trace says so: no lease is longer than it is shown.
  void end() noexcept {
    const bool was_held = holder_->held();
    holder_->release();
    if (was_held) trace_.span(lease_track, "lease", held_since_, detail_);
  }

  std::unique_ptr<lease::Holder> holder_;
  Trace& trace_;
  Clock::TimePoint held_since_{};
  std::string detail_;
};

}  // namespace

Result<snp::CommandStatus> TracedRequests::guest_request(
    firmware::GuestHandle guest, std::span<const std::uint8_t, snp::page_size> request,
    std::span<std::uint8_t, snp::page_size> response) {
  const auto start = trace_.now();
  auto answer = requests_.guest_request(guest, request, response);
  const auto header = ByteReader(request).object<snp::MessageHeader>();
  trace_.span(
      firmware_track, header ? fmt::format("message type {}", header->msg_type) : "message", start,
      answer ? fmt::format("msg_seqno {}, status {:#x}", header ? header->msg_seqno.get() : 0,
                           static_cast<std::uint32_t>(*answer))
             : answer.error().message);
  return answer;
}

Result<std::unique_ptr<lease::Holder>> TracedSource::open_holder() {
  EXTREQ_TRY_ASSIGN(auto holder, source_.open_holder());
  return std::make_unique<TracedHolder>(std::move(holder), trace_);
}

}  // namespace extreq::trace
