#include "cli/host_metrics.hpp"

#include "cli/service_log.hpp"

namespace extreq::cli {

void MetricsFile::publish(const host::Metrics& metrics) {
  if (path_.empty()) return;
  const auto written = host::write_metrics(path_, metrics);
  if (!written && !failed_) log_line(Priority::warning, written.error().message);
  failed_ = !written;
}

}  // namespace extreq::cli
