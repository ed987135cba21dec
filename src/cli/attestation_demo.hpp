// AttestationDemo: what `extreq boot` shows without a command: the guest asks for an extended
// report and verifies it, and then we verify the same bytes outside.
#pragma once

#include <chrono>

#include "attestation/verification.hpp"
#include "crypto/x509.hpp"
#include "machine/guest_control.hpp"
#include "machine/guest_image.hpp"
#include "machine/qemu_backend.hpp"
#include "trace/trace.hpp"

namespace extreq::cli {

class AttestationDemo {
 public:
  // `trace`: where the guest's commands are shown; nullptr for nowhere.
  // Lifetime: `image`, `root` and the trace must outlive it.
  AttestationDemo(const machine::GuestImage& image, const crypto::Certificate& root,
                  std::chrono::steady_clock::time_point started, bool json,
                  trace::Trace* trace) noexcept
      : image_(image), root_(root), started_(started), json_(json), trace_(trace) {}

  // The exit code of the program: every check, inside and outside, or exit_not_genuine.
  // Failure: as GuestControl.
  [[nodiscard]] Result<int> run(machine::GuestControl& control);

  // After the guest's end: totals, or the JSON object.
  void print_end(const machine::StopCounts& stops) const;

 private:
  [[nodiscard]] Result<int> guest_command(machine::GuestControl& control, const char* what,
                                          const std::vector<std::string>& command);
  [[nodiscard]] Result<bool> verify_outside(machine::GuestControl& control);
  [[nodiscard]] double seconds() const;
  void say(const std::string& line) const;

  const machine::GuestImage& image_;
  const crypto::Certificate& root_;
  std::chrono::steady_clock::time_point started_;
  bool json_;
  trace::Trace* trace_;
  std::string report_data_;
  std::string measurement_;
  double ready_at_ = 0;
  double report_at_ = 0;
  bool genuine_inside_ = false;
  bool genuine_outside_ = false;
  std::size_t report_size_ = 0;
  std::size_t table_size_ = 0;
};

}  // namespace extreq::cli
