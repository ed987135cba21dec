// What the benchmarks measure with: a model platform with a launched guest, and evidence of it.
#pragma once

#include <memory>

#include "firmware/model/secure_processor.hpp"
#include "message/requester.hpp"

namespace extreq::bench {

struct Platform {
  std::unique_ptr<firmware::model::SecureProcessor> processor;
  firmware::GuestHandle guest{};
  message::Vmpck vmpck0;
};

// A platform with a guest that has been launched. Ends the program, with the reason on standard
// error, if it cannot be made.
[[nodiscard]] Platform make_platform(const firmware::model::Installation& installation);

// One for the whole program: its RSA keys take seconds to make.
[[nodiscard]] Platform& platform();

// Seals a report request, has the model answer it, and gives the report.
[[nodiscard]] Bytes report_from(Platform& platform, message::Requester& requester);
[[nodiscard]] Bytes report_from(Platform& platform, message::Requester& requester,
                                const abi::snp::ReportRequest& request);

// A requester for the platform's guest. Make one only: it owns the guest's sequence numbers.
[[nodiscard]] message::Requester& requester();

}  // namespace extreq::bench
