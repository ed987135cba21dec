#include "cli/measure_ovmf.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "attestation/measurement.hpp"
#include "attestation/vcpu_type.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "cli/document.hpp"

namespace extreq::cli {
namespace {

constexpr std::size_t kernel_max = std::size_t{1} << 30U;

Result<attestation::OvmfImage> read_image(const std::string& path) {
  EXTREQ_TRY_ASSIGN(auto bytes, read_file(path, attestation::OvmfImage::size_max));
  auto image = attestation::OvmfImage::parse(std::move(bytes));
  if (!image) return fail(image.error().code, "{}: {}", path, image.error().message);
  return image;
}

Result<attestation::KernelHashes> read_hashes(const std::string& kernel, const std::string& initrd,
                                              const std::string& command_line) {
  EXTREQ_TRY_ASSIGN(const auto kernel_bytes, read_file(kernel, kernel_max));
  Bytes initrd_bytes;
  if (!initrd.empty()) {
    EXTREQ_TRY_ASSIGN(initrd_bytes, read_file(initrd, kernel_max));
  }
  return attestation::KernelHashes::of(kernel_bytes, initrd_bytes, command_line);
}

}  // namespace

void add_ovmf_arguments(CLI::App& verb, OvmfArguments& arguments) {
  const std::string group = "A guest of QEMU";
  verb.add_option("--ovmf", arguments.image,
                  "its firmware image: measure a guest of QEMU instead; --kernel, --initrd and "
                  "--append are then what QEMU hashes (kernel-hashes=on)")
      ->type_name("FILE")
      ->group(group);
  verb.add_option("--vcpu-type", arguments.vcpu_type, "QEMU's -cpu (EPYC-v4)")->group(group);
  verb.add_option("--vcpu-sig", arguments.vcpu_signature,
                  "CPUID function 1 EAX, instead of --vcpu-type")
      ->group(group);
  verb.add_option("--vcpus", arguments.vcpus, "how many (1)")->group(group);
  verb.add_option("--guest-features", arguments.guest_features, "SEV_FEATURES (0x1)")->group(group);
}

Status measure_ovmf(const OvmfArguments& arguments, const std::string& kernel,
                    const std::string& initrd, const std::string& command_line, bool json) {
  EXTREQ_TRY_ASSIGN(const auto image, read_image(arguments.image));
  attestation::QemuLaunch launch;
  launch.vcpus = arguments.vcpus;
  launch.guest_features = arguments.guest_features;
  launch.cpuid_signature = arguments.vcpu_signature;
  if (launch.cpuid_signature == 0) {
    EXTREQ_TRY_ASSIGN(launch.cpuid_signature, attestation::cpuid_signature_of(arguments.vcpu_type));
  }
  if (!kernel.empty()) {
    EXTREQ_TRY_ASSIGN(launch.kernel, read_hashes(kernel, initrd, command_line));
  } else if (!initrd.empty() || !command_line.empty()) {
    return fail(Code::invalid_input, "--initrd and --append are measured with a --kernel only");
  }
  launch.image_digest = attestation::digest_of_image(image);
  EXTREQ_TRY_ASSIGN(const auto digest, attestation::expected_measurement(image, launch));
  if (!json) {
    fmt::print("{}\n", to_hex(digest));
    return {};
  }
  Document hashes = nullptr;
  if (launch.kernel) {
    hashes = {{"kernel", to_hex(launch.kernel->kernel)},
              {"initrd", to_hex(launch.kernel->initrd)},
              {"command_line", to_hex(launch.kernel->command_line)}};
  }
  print_json({{"measurement", to_hex(digest)},
              {"image_digest", to_hex(*launch.image_digest)},
              {"vcpus", launch.vcpus},
              {"vcpu_signature", fmt::format("{:#010x}", launch.cpuid_signature)},
              {"guest_features", fmt::format("{:#x}", launch.guest_features)},
              {"hashes", hashes}});
  return {};
}

}  // namespace extreq::cli
