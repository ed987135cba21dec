#include "firmware/model/fault_plan.hpp"

namespace extreq::firmware::model {

void FaultPlan::fail_guest_requests(abi::snp::CommandStatus status, unsigned count) {
  const std::lock_guard lock(mutex_);
  guest_ = {status, count};
}

void FaultPlan::lose_responses(unsigned count) {
  const std::lock_guard lock(mutex_);
  lost_ = count;
}

void FaultPlan::fail_platform_commands(abi::snp::CommandStatus status, unsigned count) {
  const std::lock_guard lock(mutex_);
  platform_ = {status, count};
}

void FaultPlan::delay_commands(Clock::Duration each, unsigned count) {
  const std::lock_guard lock(mutex_);
  delay_ = each;
  delays_ = count;
}

void FaultPlan::clear() {
  const std::lock_guard lock(mutex_);
  guest_ = {};
  platform_ = {};
  lost_ = 0;
  delays_ = 0;
}

std::optional<abi::snp::CommandStatus> FaultPlan::take_guest_failure() {
  const std::lock_guard lock(mutex_);
  return take(guest_);
}

bool FaultPlan::take_lost_response() {
  const std::lock_guard lock(mutex_);
  if (lost_ == 0) return false;
  --lost_;
  return true;
}

std::optional<abi::snp::CommandStatus> FaultPlan::take_platform_failure() {
  const std::lock_guard lock(mutex_);
  return take(platform_);
}

Clock::Duration FaultPlan::take_delay() {
  const std::lock_guard lock(mutex_);
  if (delays_ == 0) return {};
  --delays_;
  return delay_;
}

std::optional<abi::snp::CommandStatus> FaultPlan::take(Failure& failure) {
  if (failure.count == 0) return std::nullopt;
  --failure.count;
  return failure.status;
}

}  // namespace extreq::firmware::model
