// The service's metrics, in a file for Prometheus' node_exporter.
// Threading: one thread.
#pragma once

#include <string>
#include <utility>

#include "host/metrics.hpp"

namespace extreq::cli {

class MetricsFile {
 public:
  // `path` empty: no file.
  explicit MetricsFile(std::string path) : path_(std::move(path)) {}

  // Effect: replaces the file whole. A file that cannot be written is logged once.
  void publish(const host::Metrics& metrics);

 private:
  std::string path_;
  bool failed_ = false;
};

}  // namespace extreq::cli
