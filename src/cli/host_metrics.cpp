#include "cli/host_metrics.hpp"

#include <fmt/format.h>

#include "base/try.hpp"
#include "cli/service_log.hpp"

namespace extreq::cli {

Status MetricsOutlets::publish(const host::Metrics& metrics) {
  if (!options_.file.empty()) {
    const auto written = host::write_metrics(options_.file, metrics);
    if (!written && !file_failed_) log_line(Priority::warning, written.error().message);
    file_failed_ = !written;
  }
  return options_.endpoint.empty() ? Status() : serve(metrics);
}

Status MetricsOutlets::serve(const host::Metrics& metrics) {
  if (server_) {
    server_->show(host::to_prometheus(metrics));
    return {};
  }
  EXTREQ_TRY_ASSIGN(const auto endpoint, host::parse_http_endpoint(options_.endpoint));
  EXTREQ_TRY_ASSIGN(server_, host::MetricsServer::start(endpoint, host::to_prometheus(metrics)));
  const bool ipv6 = endpoint.address.find(':') != std::string::npos;
  log_line(Priority::info, fmt::format("metrics at http://{}{}{}:{}/metrics", ipv6 ? "[" : "",
                                       endpoint.address, ipv6 ? "]" : "", server_->port()));
  return {};
}

}  // namespace extreq::cli
