// The MEASUREMENT that a guest will report, computed from what it is launched with: the formula is
// LaunchDigest, here are the pages that QEMU launches with an OVMF image (doc/measurement.md).
//
// Threading: pure functions.
#pragma once

#include <optional>

#include "abi/x86_snp.hpp"
#include "attestation/launch_digest.hpp"
#include "attestation/ovmf.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {

// What goes into QEMU's table of hashes (kernel-hashes=on).
struct KernelHashes {
  crypto::Sha256Digest kernel{};
  crypto::Sha256Digest initrd{};        // of no bytes if there is none
  crypto::Sha256Digest command_line{};  // with a zero byte at its end

  [[nodiscard]] static KernelHashes of(ByteView kernel, ByteView initrd,
                                       std::string_view command_line);
};

struct QemuLaunch {
  std::uint32_t vcpus = 1;
  std::uint32_t cpuid_signature = 0;  // vcpu_type.hpp
  // SEV_FEATURES: bit 0 is set for every SNP guest.
  std::uint64_t guest_features = abi::x86::sev_features_snp_active;
  std::optional<KernelHashes> kernel;
  // digest_of_image() of the same image, where it is known: its pages are then not hashed again.
  std::optional<crypto::Sha384Digest> image_digest;
};

constexpr std::uint32_t vcpus_max = 4096;

// The digest after the image's own pages.
[[nodiscard]] crypto::Sha384Digest digest_of_image(const OvmfImage& image);

// Failure: invalid_input: no vCPU or more than vcpus_max; more than one and the image does not say
// where they start; a kernel, and the image has no place for its hashes or they do not fit there;
// bit 0 of guest_features is not set.
[[nodiscard]] Result<crypto::Sha384Digest> expected_measurement(const OvmfImage& image,
                                                                const QemuLaunch& launch);

// The save area of a virtual processor at reset, as QEMU starts it at `eip`.
[[nodiscard]] abi::x86::Vmsa qemu_vmsa(std::uint32_t eip, std::uint32_t cpuid_signature,
                                       std::uint64_t guest_features) noexcept;

}  // namespace extreq::attestation
