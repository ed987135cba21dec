#include "machine/faults.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include "base/try.hpp"

namespace extreq::machine {
namespace {

namespace snp = abi::snp;

struct Named {
  std::string_view name;
  FaultKind kind;
  bool has_value;
};
constexpr std::array names{
    Named{"busy", FaultKind::busy, false},
    Named{"large-table", FaultKind::large_table, true},
    Named{"no-certificates", FaultKind::no_certificates, false},
    Named{"status", FaultKind::status, true},
    Named{"flip-tag", FaultKind::flip_tag, false},
    Named{"replay", FaultKind::replay, false},
    Named{"slow", FaultKind::slow, true},
};
constexpr std::uint64_t value_max = 0xFFFFFFFF;
constexpr unsigned count_max = 1000000;
constexpr std::uint64_t pages_max = 4096;

std::optional<std::uint64_t> number(std::string_view text) {
  const bool hex = text.rfind("0x", 0) == 0;
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// Hands out what the source has, or what the script says instead.
class FaultyHolder final : public lease::Holder {
 public:
  FaultyHolder(std::unique_ptr<lease::Holder> holder, FaultScript& script) noexcept
      : holder_(std::move(holder)), script_(script) {}

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    if (script_.take(FaultKind::busy)) return fail(Code::busy, "a fault on demand: busy");
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
  Bytes padded_;  // bytes behind the last certificate, which no entry names
};

}  // namespace

Result<Fault> parse_fault(std::string_view text) {
  Fault fault;
  std::string_view rest = text;
  if (const std::size_t star = rest.find('*'); star != std::string_view::npos) {
    const auto count = number(rest.substr(star + 1));
    if (!count || *count == 0 || *count > count_max) {
      return fail(Code::invalid_input, "fault '{}': the count must be 1 to {}", text, count_max);
    }
    fault.count = static_cast<unsigned>(*count);
    rest = rest.substr(0, star);
  }
  const std::size_t equals = rest.find('=');
  const std::string_view name = rest.substr(0, equals);
  const auto* const found = std::find_if(names.begin(), names.end(),
                                         [name](const Named& one) { return one.name == name; });
  if (found == names.end()) {
    std::string all;
    for (const auto& one : names) all += fmt::format("{}{}", all.empty() ? "" : ", ", one.name);
    return fail(Code::invalid_input, "fault '{}': not one of {}", text, all);
  }
  fault.kind = found->kind;
  if (found->has_value != (equals != std::string_view::npos)) {
    return fail(Code::invalid_input, "fault '{}': {} {}", text, name,
                found->has_value ? "needs a value" : "takes no value");
  }
  if (found->has_value) {
    const auto value = number(rest.substr(equals + 1));
    const std::uint64_t most = fault.kind == FaultKind::large_table ? pages_max : value_max;
    if (!value || *value == 0 || *value > most) {
      return fail(Code::invalid_input, "fault '{}': the value must be 1 to {}", text, most);
    }
    fault.value = *value;
  }
  return fault;
}

void FaultScript::add(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(fault);
}

std::optional<Fault> FaultScript::take(FaultKind kind) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(faults_.begin(), faults_.end(),
                                  [kind](const Fault& fault) { return fault.kind == kind; });
  if (found == faults_.end()) return std::nullopt;
  const Fault fault = *found;
  if (--found->count == 0) faults_.erase(found);
  return fault;
}

Result<snp::Status> FaultyRequests::guest_request(
    firmware::GuestHandle guest, std::span<const std::uint8_t, snp::page_size> request,
    std::span<std::uint8_t, snp::page_size> response) {
  if (const auto slow = script_.take(FaultKind::slow)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(slow->value));
  }
  if (const auto status = script_.take(FaultKind::status)) {
    return static_cast<snp::Status>(status->value);
  }
  EXTREQ_TRY_ASSIGN(const snp::Status answer, requests_.guest_request(guest, request, response));
  if (answer != snp::Status::success) return answer;
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
  return std::make_unique<FaultyHolder>(std::move(holder), script_);
}

}  // namespace extreq::machine
