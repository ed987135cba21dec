#include "machine/fault_script.hpp"

#include <algorithm>
#include <iterator>

namespace extreq::machine {

void FaultScript::add(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({fault, false, std::nullopt});
}

void FaultScript::set_steps(FaultSteps steps) {
  const std::lock_guard lock(mutex_);
  steps_.assign(std::make_move_iterator(steps.begin()), std::make_move_iterator(steps.end()));
  begin_step();
}

// What lasts is not the step's any more once it has begun: its time ends it.
void FaultScript::begin_step() {
  faults_.erase(
      std::remove_if(faults_.begin(), faults_.end(),
                     [](const Arranged& one) { return one.of_step && !one.end.has_value(); }),
      faults_.end());
  if (steps_.empty()) return;
  for (const auto& fault : steps_.front()) faults_.push_back({fault, true, std::nullopt});
}

std::optional<Fault> FaultScript::take(FaultKind kind) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  faults_.erase(std::remove_if(faults_.begin(), faults_.end(),
                               [now](const Arranged& one) { return one.end && *one.end <= now; }),
                faults_.end());
  const auto found = std::find_if(faults_.begin(), faults_.end(),
                                  [kind](const Arranged& one) { return one.fault.kind == kind; });
  if (found == faults_.end()) return std::nullopt;
  const Fault fault = found->fault;
  if (fault.lasting.count() > 0) {
    if (!found->end) found->end = now + fault.lasting;
  } else if (--found->fault.count == 0) {
    faults_.erase(found);
  }
  return fault;
}

void FaultScript::message_done() {
  const std::lock_guard lock(mutex_);
  if (steps_.empty()) return;
  steps_.pop_front();
  begin_step();
}

std::string FaultScript::left() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& one : faults_) {
    if (one.of_step || one.end) continue;
    text += (text.empty() ? "" : ", ") + to_text(one.fault);
  }
  if (!steps_.empty()) {
    text += fmt::format("{}{} steps of the script", text.empty() ? "" : ", ", steps_.size());
  }
  return text;
}

}  // namespace extreq::machine
