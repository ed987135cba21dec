// EndorsementIndex: the leaves of a fleet, each verified once, found by what a report says of its
// signing key: SIGNING_KEY, CHIP_ID and REPORTED_TCB.
//
// Lifetime: owns what it needs. Threading: const objects may be used from any number of threads.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attestation/verifier.hpp"

namespace extreq::attestation {

class EndorsementIndex {
 public:
  EndorsementIndex() = default;  // knows no leaf

  // Effect: examines every VCEK and VLEK of `certificates` with the chain that is among them. Of
  // two leaves for one chip and TCB (VLEKs: for one TCB) one whose checks pass goes before one
  // whose checks fail, else the earlier one. Takes one RSA verification for each leaf.
  EndorsementIndex(std::span<const crypto::Certificate> certificates, const TrustAnchors& anchors);

  // Lives as long as the index. nullptr: no leaf here is for this report.
  [[nodiscard]] const Endorsement* find(const Report& report) const;

  // What of the certificates is no leaf, in their order.
  [[nodiscard]] const std::vector<crypto::Certificate>& authorities() const noexcept {
    return authorities_;
  }
  [[nodiscard]] std::size_t size() const noexcept { return leaves_.size(); }

 private:
  void add(const Verifier::SharedEndorsement& endorsement);

  std::vector<crypto::Certificate> authorities_;
  // The role, TCB_VERSION, and of a VCEK the chip id.
  using Key = std::array<std::uint8_t, 1 + 8 + sizeof(abi::snp::AttestationReport::chip_id)>;
  // Not noexcept: so the table keeps each key's hash, and a look-up touches one entry, not its
  // neighbours.
  struct Hash {
    std::size_t operator()(const Key& key) const {
      const void* const bytes = key.data();
      return std::hash<std::string_view>()({static_cast<const char*>(bytes), key.size()});
    }
  };
  [[nodiscard]] static Key key_of(Role role, std::uint64_t tcb_version, ByteView chip_id);

  std::unordered_map<Key, Verifier::SharedEndorsement, Hash> leaves_;
};

}  // namespace extreq::attestation
