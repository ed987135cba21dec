#include "fleet/report_desk.hpp"

#include <fmt/format.h>

namespace extreq::fleet {

MirrorAnswer ReportDesk::take(std::string_view authorization, std::string_view body) {
  constexpr unsigned soon_s = 60;
  if (!tokens_.accept(authorization)) {
    ++refused_;
    return plain_answer(401, "wanted: Authorization: Bearer and the fleet's token");
  }
  const auto report = host::parse_host_report(body);
  if (!report) {
    ++refused_;
    return plain_answer(400, report.error().message);
  }
  if (const auto noted = records_.put_host(*report, clock_.utc()); !noted) {
    MirrorAnswer answer = plain_answer(503, noted.error().message);
    answer.retry_after_s = soon_s;
    return answer;
  }
  ++taken_;
  MirrorAnswer answer;
  answer.status = 204;
  return answer;
}

std::string ReportDesk::metrics() const {
  return fmt::format(
      "# HELP extreq_mirror_host_reports_total Reports of hosts.\n"
      "# TYPE extreq_mirror_host_reports_total counter\n"
      "extreq_mirror_host_reports_total{{result=\"taken\"}} {}\n"
      "extreq_mirror_host_reports_total{{result=\"refused\"}} {}\n",
      taken_.load(), refused_.load());
}

}  // namespace extreq::fleet
