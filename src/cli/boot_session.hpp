// BootSession: everything behind the guest of `extreq boot`: the model's processor, its
// certificates, faults on demand, TCB changes and the trace.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lease/certificate_source.hpp"
#include "machine/faults.hpp"
#include "machine/machine.hpp"
#include "machine/tcb_rotation.hpp"
#include "trace/traced_ports.hpp"

namespace extreq::cli {

struct SessionOptions {
  std::string platform;
  std::string certificates = "model";
  std::vector<std::string> faults;
  std::string fault_script;
  std::string trace;
  bool rotate = false;
};

// Opens the platform, and makes it if it is missing; no folder: one that ends with the program.
// Failure: as SecureProcessor.
[[nodiscard]] Result<std::unique_ptr<firmware::model::SecureProcessor>> open_processor(
    const std::string& platform);

class BootSession {
 public:
  // Failure: what is wrong with an option, or as TcbSwitch and Trace.
  [[nodiscard]] static Result<std::unique_ptr<BootSession>> create(
      const SessionOptions& options, std::unique_ptr<firmware::model::SecureProcessor> processor);

  [[nodiscard]] firmware::model::SecureProcessor& processor() noexcept { return *processor_; }
  // Lifetime: the session's.
  [[nodiscard]] machine::Machine::Ports parts() noexcept {
    return {*processor_, *requests_, *certificates_};
  }
  // nullptr for none.
  [[nodiscard]] trace::Trace* trace() noexcept { return trace_.get(); }

  // After the guest's end: says on standard error what became of faults and changes.
  // Failure: the trace could not be written.
  [[nodiscard]] Status finish();

 private:
  BootSession() = default;
  [[nodiscard]] Status open_source(const std::string& name);
  [[nodiscard]] Status arrange(const SessionOptions& options);

  std::unique_ptr<firmware::model::SecureProcessor> processor_;
  std::unique_ptr<lease::CertificateSource> source_;
  std::unique_ptr<trace::Trace> trace_;
  machine::FaultScript faults_;
  std::unique_ptr<machine::TcbSwitch> tcb_;
  std::unique_ptr<firmware::GuestRequests> faulty_requests_;
  std::unique_ptr<lease::CertificateSource> faulty_source_;
  std::unique_ptr<firmware::GuestRequests> traced_requests_;
  std::unique_ptr<lease::CertificateSource> traced_source_;
  firmware::GuestRequests* requests_ = nullptr;
  lease::CertificateSource* certificates_ = nullptr;
  std::unique_ptr<machine::TcbRotation> rotation_;
};

}  // namespace extreq::cli
