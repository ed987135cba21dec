#include "hypervisor/scripted_guest_requests.hpp"

#include <algorithm>
#include <utility>

namespace extreq::hypervisor {
namespace {

[[nodiscard]] Result<abi::snp::CommandStatus> answer_flipped(
    ScriptedGuestRequests::Request request, ScriptedGuestRequests::Response response) {
  std::transform(request.begin(), request.end(), response.begin(),
                 [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); });
  return abi::snp::CommandStatus::success;
}

}  // namespace

ScriptedGuestRequests& ScriptedGuestRequests::then(Reply answer) {
  const std::lock_guard lock(mutex_);
  answers_.push_back(std::move(answer));
  return *this;
}

ScriptedGuestRequests& ScriptedGuestRequests::then_status(abi::snp::CommandStatus status) {
  return then([status](Request, Response) -> Result<abi::snp::CommandStatus> { return status; });
}

Result<abi::snp::CommandStatus> ScriptedGuestRequests::guest_request(firmware::GuestHandle guest,
                                                                     Request request,
                                                                     Response response) {
  Reply answer = answer_flipped;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back({guest, {request.begin(), request.end()}});
    most_at_once_ = std::max(most_at_once_, ++at_once_);
    if (!answers_.empty()) {
      answer = std::move(answers_.front());
      answers_.pop_front();
    }
  }
  Result<abi::snp::CommandStatus> status = answer(request, response);
  const std::lock_guard lock(mutex_);
  --at_once_;
  return status;
}

std::vector<ScriptedGuestRequests::Call> ScriptedGuestRequests::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::size_t ScriptedGuestRequests::call_count() const {
  const std::lock_guard lock(mutex_);
  return calls_.size();
}

std::size_t ScriptedGuestRequests::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_at_once_;
}

}  // namespace extreq::hypervisor
