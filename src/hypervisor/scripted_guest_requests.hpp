// ScriptedGuestRequests: a firmware that answers by script, for tests of hypervisors and VMMs that
// are not about cryptography.
//
// Effect: takes the next answer of the script; when there is none it answers success with a
// response page that is the request page with every bit flipped, so that a test sees whose answer
// it is. Threading: any thread. Answers are called one at a time only if the caller sees to that:
// most_at_once() tells.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "firmware/guest_requests.hpp"

namespace extreq::hypervisor {

class ScriptedGuestRequests final : public firmware::GuestRequests {
 public:
  using Request = std::span<const std::uint8_t, abi::snp::page_size>;
  using Response = std::span<std::uint8_t, abi::snp::page_size>;
  using Reply = std::function<Result<abi::snp::CommandStatus>(Request, Response)>;

  ScriptedGuestRequests& then(Reply answer);
  // A status without a response.
  ScriptedGuestRequests& then_status(abi::snp::CommandStatus status);

  [[nodiscard]] Result<abi::snp::CommandStatus> guest_request(firmware::GuestHandle guest,
                                                              Request request,
                                                              Response response) override;

  struct Call {
    firmware::GuestHandle guest;
    std::vector<std::uint8_t> request;
  };
  [[nodiscard]] std::vector<Call> calls() const;
  [[nodiscard]] std::size_t call_count() const;
  // How many calls were under way at the same time, at most.
  [[nodiscard]] std::size_t most_at_once() const;

 private:
  mutable std::mutex mutex_;
  std::deque<Reply> answers_;
  std::vector<Call> calls_;
  std::size_t at_once_ = 0;
  std::size_t most_at_once_ = 0;
};

}  // namespace extreq::hypervisor
