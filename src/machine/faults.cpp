#include "machine/faults.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/try.hpp"

namespace extreq::machine {

namespace snp = abi::snp;

// Hands out what the source has, or what the script says instead.
class FaultySource::FaultyHolder final : public lease::Holder {
 public:
  FaultyHolder(std::unique_ptr<lease::Holder> holder, FaultySource& source) noexcept
      : holder_(std::move(holder)), script_(source.script_), change_tcb_(source.change_tcb_) {}

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    if (script_.take(FaultKind::busy)) return fail(Code::busy, "a fault on demand: busy");
    if (change_tcb_ && script_.take(FaultKind::tcb_change)) EXTREQ_TRY(change_tcb_());
    EXTREQ_TRY_ASSIGN(const ByteView table, holder_->acquire(max_wait));
    if (script_.take(FaultKind::no_certificates)) return ByteView();
    if (const auto fault = script_.take(FaultKind::large_table)) {
      padded_.assign(table.begin(), table.end());
      padded_.resize(std::max<std::size_t>(padded_.size(), fault->value * snp::page_size));
      return ByteView(padded_);
    }
    return table;
  }
  void release() noexcept override { holder_->release(); }
  [[nodiscard]] bool held() const noexcept override { return holder_->held(); }

 private:
  std::unique_ptr<lease::Holder> holder_;
  FaultScript& script_;
  const ChangeTcb& change_tcb_;
  Bytes padded_;  // bytes behind the last certificate, which no entry names
};

Result<snp::CommandStatus> FaultyRequests::guest_request(
    firmware::GuestHandle guest, std::span<const std::uint8_t, snp::page_size> request,
    std::span<std::uint8_t, snp::page_size> response) {
  auto answer = answer_request(guest, request, response);
  script_.message_done();
  return answer;
}

Result<snp::CommandStatus> FaultyRequests::answer_request(
    firmware::GuestHandle guest, std::span<const std::uint8_t, snp::page_size> request,
    std::span<std::uint8_t, snp::page_size> response) {
  if (const auto slow = script_.take(FaultKind::slow)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(slow->value));
  }
  if (const auto status = script_.take(FaultKind::status)) {
    return static_cast<snp::CommandStatus>(status->value);
  }
  EXTREQ_TRY_ASSIGN(const snp::CommandStatus answer,
                    requests_.guest_request(guest, request, response));
  if (answer != snp::CommandStatus::success) return answer;
  const std::lock_guard lock(mutex_);
  if (!last_response_.empty() && script_.take(FaultKind::replay)) {
    std::copy(last_response_.begin(), last_response_.end(), response.begin());
    return answer;
  }
  last_response_.assign(response.begin(), response.end());
  // The tag is the first thing of the header.
  if (script_.take(FaultKind::flip_tag)) response[offsetof(snp::MessageHeader, authtag)] ^= 1U;
  return answer;
}

Result<std::unique_ptr<lease::Holder>> FaultySource::open_holder() {
  EXTREQ_TRY_ASSIGN(auto holder, source_.open_holder());
  return std::make_unique<FaultyHolder>(std::move(holder), *this);
}

}  // namespace extreq::machine
