// extreq host serve: keeps the blob true for as long as it runs, and serves it over a socket.
#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>

#include "base/try.hpp"
#include "cli/exit_code.hpp"
#include "cli/host.hpp"
#include "cli/host_background.hpp"
#include "cli/host_metrics.hpp"
#include "cli/host_parts.hpp"
#include "cli/seconds.hpp"
#include "cli/service_log.hpp"
#include "fleet/report_tokens.hpp"
#include "host/file_watch.hpp"
#include "host/self_report.hpp"
#include "host/service.hpp"
#include "host/socket_server.hpp"
#include "lease/vm_blobs.hpp"

namespace extreq::cli {
namespace {

struct HostServeOptions {
  HostOptions host;
  std::string socket;
  std::string metrics_file;
  std::string metrics;  // retired: the value it was given
  std::string report_to;
  std::string report_token;
  double interval = 5;      // seconds
  unsigned lock_wait = 10;  // seconds
  double renewal = 3600;    // seconds
  bool sole_writer = false;
};

// SIGTERM and SIGINT as a descriptor. Before any thread starts, so that all have them blocked.
Result<UniqueFd> stop_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC));
  if (!fd) return fail_errno("signalfd");
  return fd;
}

// Says what is new, once.
class Reporter {
 public:
  void report(const host::Service& service) {
    const host::ServiceView& view = service.view();
    say(problem_, Priority::error, problem_of(view), "guests get certificates that fit");
    say(warning_, Priority::warning, view.last ? text_of(view.last->warning) : "", "");
    if (view.last && !view.platform_error) tell_changes(*view.last);
    const std::string status =
        problem_.empty() ? (view.last ? host::to_text(view.last->state) : "") : problem_;
    notify_systemd(fmt::format("STATUS={}\nWATCHDOG=1", one_line(status)).c_str());
  }

 private:
  static void tell_changes(const host::PassReport& pass) {
    if (pass.withdrawn) {
      log_line(Priority::warning, "withdrew a table that did not fit: " + pass.found_why);
    }
    if (pass.published) {
      log_line(Priority::info, "published the table for " + host::to_text(pass.state));
    }
    if (pass.vms.withdrawn > 0) {
      log_line(Priority::warning,
               fmt::format("withdrew the tables of {} VMs, which did not fit", pass.vms.withdrawn));
    }
    if (pass.vms.published > 0) {
      log_line(Priority::info,
               fmt::format("published it in the blobs of {} of {} VMs that have one",
                           pass.vms.published, pass.vms.count));
    }
  }
  static std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }
  static std::string text_of(const std::optional<Error>& error) {
    return error ? error->message : std::string();
  }
  static std::string problem_of(const host::ServiceView& view) {
    if (view.platform_error) return "the platform does not answer: " + view.platform_error->message;
    if (view.last && view.last->problem) {
      return "guests get no certificates: " + view.last->problem->message;
    }
    if (view.last && view.last->vms.problem) {
      return "a guest may get no certificates: " + view.last->vms.problem->message;
    }
    return {};
  }
  static void say(std::string& known, Priority priority, const std::string& now,
                  std::string_view good) {
    // The rest of a pause stands behind the cause: no news.
    const auto cause = now.substr(0, now.rfind("; asked again in"));
    if (cause == known) return;
    if (!now.empty()) {
      log_line(priority, now);
    } else if (!good.empty()) {
      log_line(Priority::info, good);
    }
    known = cause;
  }

  std::string problem_;
  std::string warning_;
};

// Reports to the fleet's mirror, if there is one.
class FleetReport {
 public:
  static Result<std::unique_ptr<FleetReport>> open(const HostServeOptions& options) {
    auto report = std::make_unique<FleetReport>();
    if (options.report_to.empty()) return report;
    EXTREQ_TRY_ASSIGN(const std::string url, host::host_report_url(options.report_to));
    EXTREQ_TRY_ASSIGN(const std::string token, fleet::ReportTokens::first(options.report_token));
    host::CurlOptions client;
    client.proxy = options.host.proxy;
    client.ca_file = options.host.tls_ca;
    client.client_cert = options.host.client_cert;
    client.client_key = options.host.client_key;
    report->self_.emplace(
        [url, token, client](const host::HostReport& now) { return send(client, url, token, now); },
        host::SelfReport::Options{});
    return report;
  }

  // As the platform is now; what it does not answer is the service's to tell.
  void offer(firmware::Platform& platform) {
    if (!self_) return;
    const auto now = host::read_host_report(platform);
    if (!now) return;
    if (const Status last = self_->offer(*now); !last) {
      log_line(Priority::warning, "report to the mirror: " + last.error().message);
    }
  }

 private:
  static Status send(const host::CurlOptions& client, const std::string& url,
                     const std::string& token, const host::HostReport& now) {
    constexpr std::size_t answer_max = 4096;
    constexpr auto max_wait = std::chrono::seconds(10);  // a stop waits for it
    EXTREQ_TRY_ASSIGN(
        const auto answer,
        host::CurlHttpClient(client).post({url, answer_max, max_wait}, host::to_line(now), token));
    constexpr int status_noted = 204;
    if (answer.status == status_noted) return {};
    const std::string why(answer.body.begin(), answer.body.end());
    return fail(Code::io, "{}: status {}: {}", url, answer.status, why);
  }

  std::optional<host::SelfReport> self_;
};

host::ServiceOptions service_options(const HostServeOptions& options, Prefetcher& prefetcher) {
  host::ServiceOptions service;
  service.interval = from_seconds(options.interval);
  service.lock_wait = std::chrono::seconds(options.lock_wait);
  service.renewal = from_seconds(options.renewal);
  service.prefetch = [&prefetcher](const host::SigningState& next) { prefetcher.start(next); };
  return service;
}

Result<std::unique_ptr<host::SocketServer>> start_socket(const HostServeOptions& options) {
  if (options.socket.empty()) return std::unique_ptr<host::SocketServer>();
  host::SocketServerOptions socket;
  socket.socket_path = options.socket;
  socket.blob_path = blob_path(options.host);
  return host::SocketServer::start(std::move(socket));
}

host::Metrics metrics_of(const host::Service& service, HostParts& parts,
                         const host::SocketServer* socket) {
  host::Metrics metrics{service.view(), service.healthy(), std::nullopt, {}};
  if (socket != nullptr) metrics.socket = socket->counters();
  if (parts.kds() != nullptr) metrics.kds_status_counts = parts.kds()->status_counts();
  return metrics;
}

// systemd wants to hear from us twice as often as its limit.
Clock::Duration longest_sleep() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) return Clock::Duration::max();
  return std::chrono::microseconds(microseconds / 2);
}

void warn_of_retired_options(const HostServeOptions& options) {
  if (options.metrics.empty()) return;
  log_line(Priority::warning,
           fmt::format("--metrics {} is ignored: the service has no HTTP server any more. Remove "
                       "the option, and use --metrics-file FILE with Prometheus' node_exporter",
                       options.metrics));
}

Status serve(const HostServeOptions& options) {
  warn_of_retired_options(options);
  EXTREQ_TRY_ASSIGN(const UniqueFd stop, stop_signals());
  EXTREQ_TRY_ASSIGN(const auto parts, HostParts::open(options.host));
  lease::BlobWriter writer(blob_path(options.host), {.sole_writer = options.sole_writer});
  Prefetcher prefetcher(*parts);
  host::Service service(writer, parts->platform(), parts->tables().provider(),
                        service_options(options, prefetcher));
  std::vector<std::string> watched = {writer.path(),
                                      lease::vm_blob_folder(writer.path()) + "/*.blob"};
  if (!options.host.platform.empty()) watched.push_back(options.host.platform + "/state");
  EXTREQ_TRY_ASSIGN(host::FileWatch watch, host::FileWatch::open(watched));
  EXTREQ_TRY_ASSIGN(const auto fleet_report, FleetReport::open(options));
  Reporter reporter;
  MetricsFile metrics(options.metrics_file);
  std::optional<CrlTask> crls;
  if (parts->kds() != nullptr) {
    crls.emplace(*parts, std::chrono::seconds(options.host.kds_wait));
  }
  // The first turn is over before anybody can ask.
  auto next = service.step();
  EXTREQ_TRY_ASSIGN(const auto socket, start_socket(options));
  bool ready = false;
  for (host::Wake wake = host::Wake::due; wake != host::Wake::stopped;) {
    reporter.report(service);
    metrics.publish(metrics_of(service, *parts, socket.get()));
    if (!std::exchange(ready, true)) notify_systemd("READY=1");
    fleet_report->offer(parts->platform());
    if (crls && service.view().last) {
      next = std::min(next, crls->turn(service.view().last->state));
    }
    EXTREQ_TRY_ASSIGN(wake, watch.wait(std::min(next, longest_sleep()), stop.get()));
    if (crls && crls->take_news()) service.renew();
    if (wake != host::Wake::stopped) next = service.step();
  }
  notify_systemd("STOPPING=1");
  log_line(Priority::info, "stopped; the blob stays as it is");
  return {};
}

}  // namespace

void add_host_serve(CLI::App& host, int& exit_code) {
  auto options = std::make_shared<HostServeOptions>();
  // A stop waits for it, and so does the watchdog.
  options->host.kds_wait = 15;
  CLI::App* const verb = host.add_subcommand(
      "serve", "The service: keep the blob true, and give leases to VMMs over a socket");
  add_platform_options(*verb, options->host);
  add_certificate_options(*verb, options->host);
  verb->add_option("--blob", options->host.blob,
                   "The certificate blob; without it: /run/extreq/certs/host.blob, or in the "
                   "model's folder")
      ->type_name("FILE");
  verb->add_option("--socket", options->socket, "Also serve VMMs that may not open files, here")
      ->type_name("FILE");
  verb->add_option("--metrics-file", options->metrics_file,
                   "Write metrics for Prometheus' node_exporter here (name it *.prom)")
      ->type_name("FILE");
  // Was ADDRESS:PORT to serve metrics at. Drop-ins still have it and must start; help leaves it
  // out.
  verb->add_option("--metrics", options->metrics, "Ignored")->group("");
  verb->add_option("--interval", options->interval, "Between looks at the platform")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  verb->add_option("--renewal", options->renewal,
                   "Between looks for a newer table although the present one fits")
      ->type_name("SECONDS")
      ->check(CLI::Range(1.0, 1e7))
      ->capture_default_str();
  verb->add_option("--lock-wait", options->lock_wait, "How long to wait for guests' requests")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, 3600U))
      ->capture_default_str();
  verb->add_option("--report-to", options->report_to,
                   "The fleet's mirror: tell it this host's chip id and TCBs (https, or http on "
                   "this machine)")
      ->type_name("URL");
  verb->add_option("--report-token", options->report_token,
                   "The fleet's token, the file's first line; with --report-to")
      ->type_name("FILE");
  verb->get_option("--report-to")->needs("--report-token");
  verb->get_option("--report-token")->needs("--report-to");
  verb->add_flag("--sole-writer", options->sole_writer,
                 "Readers may keep their copy while nobody changed the blob: 2 system calls for a "
                 "lease. Only where every writer is extreq with this option, and nobody removes or "
                 "replaces the blob");
  verb->footer("It ends on SIGTERM and SIGINT. Exit: 0 stopped; 1 usage; 4 it could not start.");
  verb->callback([options, &exit_code] {
    const auto done = serve(*options);
    if (!done) log_line(Priority::error, done.error().message);
    exit_code = done ? int{exit_ok} : int{exit_unreadable};
  });
}

}  // namespace extreq::cli
