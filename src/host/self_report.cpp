#include "host/self_report.hpp"

#include <algorithm>

namespace extreq::host {

Status SelfReport::collect() {
  if (!under_way_.valid()) return {};
  Status result = under_way_.get();
  if (result) {
    pause_ = {};
    due_ = options_.clock->now() + options_.interval;
  } else {
    pause_ = std::min(std::max(pause_ * 2, options_.first_pause), options_.interval);
    due_ = options_.clock->now() + pause_;
  }
  return result;
}

Status SelfReport::offer(const HostReport& now) {
  if (under_way_.valid() &&
      under_way_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return {};
  }
  Status last = collect();
  // News does not wait for the interval, but for the pause after a failure.
  const bool news = sent_ != now && pause_ == Clock::Duration::zero();
  if (news || options_.clock->now() >= due_) {
    sent_ = now;
    under_way_ = std::async(std::launch::async, send_, now);
  }
  return last;
}

Result<std::string> host_report_url(const std::string& base_url) {
  const auto begins = [&](std::string_view start) { return base_url.starts_with(start); };
  const bool here =
      begins("http://127.0.0.1:") || begins("http://localhost:") || begins("http://[::1]:");
  const bool other_host = base_url.find('@') != std::string::npos;
  if ((!begins("https://") && !here) || other_host) {
    return fail(Code::invalid_input, "{}: wanted https: the report carries a token", base_url);
  }
  std::string url = base_url;
  while (url.ends_with('/')) url.pop_back();
  return url + std::string(host_report_path);
}

}  // namespace extreq::host
