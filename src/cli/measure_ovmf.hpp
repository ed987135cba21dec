// extreq measure --ovmf: the MEASUREMENT of a guest that QEMU starts (doc/measurement.md).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace extreq::cli {

struct OvmfArguments {
  std::string image;  // empty: not this kind of measurement
  std::string vcpu_type = "EPYC-v4";
  std::uint32_t vcpu_signature = 0;  // 0: that of vcpu_type
  std::uint32_t vcpus = 1;
  std::uint64_t guest_features = 1;
};

// Lifetime: `arguments` must outlive `verb`.
void add_ovmf_arguments(CLI::App& verb, OvmfArguments& arguments);

// Effect: prints the digest, or with `json` an object. `kernel` and `initrd` are files, empty for
// none. Failure: a file that cannot be read; as expected_measurement().
[[nodiscard]] Status measure_ovmf(const OvmfArguments& arguments, const std::string& kernel,
                                  const std::string& initrd, const std::string& command_line,
                                  bool json);

}  // namespace extreq::cli
