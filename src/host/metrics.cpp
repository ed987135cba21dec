#include "host/metrics.hpp"

#include <iterator>

#include <fmt/format.h>

#include "attestation/certificate_table.hpp"
#include "attestation/tcb.hpp"
#include "base/file.hpp"
#include "crypto/x509.hpp"

namespace extreq::host {
namespace {

constexpr unsigned metrics_file_mode = 0644;  // another user's exporter reads it

class Text {
 public:
  // Starts a metric; its samples follow.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(text_),
                   "# HELP extreq_host_{0} {1}\n# TYPE extreq_host_{0} {2}\n", name, help, type);
  }
  template <class Value>
  void sample(Value value, std::string_view labels = {}) {
    fmt::format_to(std::back_inserter(text_), "extreq_host_{}{} {}\n", name_, labels, value);
  }
  template <class Value>
  void counter(std::string_view name, std::string_view help, Value value) {
    metric(name, "counter", help);
    sample(value);
  }
  template <class Value>
  void gauge(std::string_view name, std::string_view help, Value value) {
    metric(name, "gauge", help);
    sample(value);
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
  std::string_view name_;
};

double in_seconds(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void add_certificates(const PassReport& pass, Text& text) {
  text.metric("certificate_not_after_seconds", "gauge",
              "When each certificate that is served ends, in seconds since 1970");
  const auto table = attestation::CertificateTable::parse(pass.table);
  if (!table) return;
  for (const auto& entry : table->entries()) {
    const auto name = attestation::certificate_name(entry.guid);
    const auto certificate = crypto::Certificate::from_der(entry.data);
    if (!name || !certificate) continue;  // the CRL is none
    text.sample(certificate->not_after().time_since_epoch().count(),
                fmt::format("{{certificate=\"{}\"}}", *name));
  }
}

void add_tcb(std::string_view name, std::string_view help, attestation::Product product,
             std::uint64_t raw, Text& text) {
  text.metric(name, "gauge", help);
  const auto layout = attestation::layout_of(product);
  const auto tcb = attestation::decode_tcb(raw, layout);
  for (const auto& field : attestation::tcb_fields(layout)) {
    text.sample(unsigned{field.get(tcb)}, fmt::format("{{component=\"{}\"}}", field.name));
  }
}

void add_pass(const PassReport& pass, Text& text) {
  add_tcb("reported_tcb", "Components of the TCB that reports carry", pass.state.product,
          pass.state.reported_tcb, text);
  text.gauge("vlek_loaded", "1: reports are signed with a VLEK", pass.state.vlek_loaded ? 1 : 0);
  text.gauge("table_bytes", "Size of the table that is served", pass.table.size());
  text.gauge("vm_blobs", "Blobs of single VMs, which follow the machine's", pass.vms.count);
  add_certificates(pass, text);
}

void add_socket(const SocketServer::Counters& socket, Text& text) {
  constexpr double microsecond = 1e-6;
  text.gauge("socket_connections", "VMMs connected", socket.connections);
  text.gauge("leases_held", "Leases held over the socket", socket.leases_held);
  text.counter("leases_given_total", "Leases given over the socket", socket.leases_given);
  text.counter("leases_refused_total", "Leases refused over the socket", socket.leases_refused);
  text.counter("lease_wait_seconds_total", "What leases over the socket waited for the lock",
               static_cast<double>(socket.wait_microseconds) * microsecond);
  text.counter("socket_peers_refused_total", "Connections not allowed, or too many",
               socket.peers_refused);
  text.counter("socket_protocol_errors_total", "Connections ended for what they sent",
               socket.protocol_errors);
}

}  // namespace

std::string to_prometheus(const Metrics& metrics) {
  Text text;
  const ServiceView& service = metrics.service;
  text.gauge("healthy", "1: guests get certificates that fit their reports",
             metrics.healthy ? 1 : 0);
  text.counter("passes_total", "Looks at platform and blob", service.passes);
  text.counter("publications_total", "Tables published", service.publications);
  text.counter("mismatches_prevented_total",
               "Tables withdrawn because the firmware signed with another key",
               service.mismatches_prevented);
  text.counter("problems_total", "Looks that ended without certificates that fit",
               service.problems);
  text.counter("lock_wait_seconds_total", "What the service waited for the exclusive lock",
               in_seconds(service.lock_wait_total));
  text.gauge("lock_wait_longest_seconds", "Its longest wait for the exclusive lock",
             in_seconds(service.lock_wait_longest));
  if (service.last) add_pass(*service.last, text);
  if (service.last && service.current_tcb) {
    add_tcb("current_tcb", "Components of the TCB that SNP_COMMIT would make the reported one",
            service.last->state.product, *service.current_tcb, text);
  }
  if (service.crl_end) {
    text.gauge("crl_next_update_seconds",
               "Until when the CRL that is served is fresh, in seconds since 1970",
               service.crl_end->time_since_epoch().count());
  }
  if (metrics.socket) add_socket(*metrics.socket, text);
  text.metric("kds_answers_total", "counter", "Answers of the key service; 0: none came");
  for (const auto& [status, count] : metrics.kds_status_counts) {
    text.sample(count, fmt::format("{{status=\"{}\"}}", status));
  }
  return text.take();
}

Status write_metrics(const std::string& path, const Metrics& metrics) {
  return replace_file(path, to_bytes(to_prometheus(metrics)), metrics_file_mode);
}

}  // namespace extreq::host
