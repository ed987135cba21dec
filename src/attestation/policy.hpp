// Policy: what a relying party asks of a genuine report (doc/policy.md). Nothing asked, nothing
// checked; what was not asked is reported as not done.
//
// Threading: values and pure functions; const objects may be used from any number of threads.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "attestation/answers.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/extensions.hpp"
#include "attestation/report.hpp"
#include "crypto/hash.hpp"

namespace extreq::attestation {

// Of a field of bits: those of `require` must be 1, those of `forbid` 0, all others are as they
// like.
struct BitRules {
  std::uint64_t require = 0;
  std::uint64_t forbid = 0;

  [[nodiscard]] bool empty() const noexcept { return (require | forbid) == 0; }
};

struct NamedBit {
  std::uint64_t mask;
  std::string_view name;  // as `extreq show` and policy files have it
};
// POLICY and PLATFORM_INFO of document 56860, each in the order of its bits.
[[nodiscard]] std::span<const NamedBit> guest_policy_bits() noexcept;
[[nodiscard]] std::span<const NamedBit> platform_info_bits() noexcept;

// A floor for each component that has one.
struct TcbFloor {
  std::optional<std::uint8_t> fmc;
  std::optional<std::uint8_t> bootloader;
  std::optional<std::uint8_t> tee;
  std::optional<std::uint8_t> snp;
  std::optional<std::uint8_t> microcode;
};

// The four TCBs of a report, in the order of the arrays below.
enum class TcbKind : std::uint8_t { current, committed, reported, launch };
inline constexpr std::array<std::string_view, 4> tcb_kind_names = {"current", "committed",
                                                                   "reported", "launch"};
using TcbFloors = std::array<TcbFloor, tcb_kind_names.size()>;

// Major and minor of the firmware's ABI, or of the guest policy's.
struct AbiVersion {
  std::uint8_t major = 0;
  std::uint8_t minor = 0;

  // clang-tidy 14 takes the 0 that each comparison compares the order with for a pointer.
  friend auto operator<=>(const AbiVersion&,
                          const AbiVersion&) = default;  // NOLINT(modernize-use-nullptr)
};

enum class Presence : std::uint8_t { any, require, forbid };

struct TableRule {
  Guid guid{};
  Presence presence = Presence::any;
  std::vector<crypto::Sha256Digest> sha256;  // of the data; empty: any
};

template <std::size_t N>
using ValueSet = std::vector<abi::ByteArray<N>>;  // empty: not asked

struct Policy {
  // Without a value of REPORT_DATA to compare with an old report would pass: a policy is not met
  // then, unless this says that freshness comes from elsewhere.
  bool waive_report_data = false;

  bool allow_host_initiated = false;  // VMPL 0xFFFFFFFF: the host asked for the report
  std::vector<std::uint32_t> vmpls;   // empty: any that is the guest's

  BitRules guest_policy;
  std::optional<AbiVersion> minimum_policy_abi;
  BitRules platform_info;

  std::array<std::optional<TcbFloors>, 4> minimum_tcb;       // by Product
  std::optional<std::array<AbiVersion, 2>> minimum_version;  // current, committed
  std::optional<std::array<std::uint8_t, 2>> minimum_build;  // current, committed
  bool forbid_provisional_firmware = false;  // committed version and TCB must be the current ones
  std::optional<std::uint64_t> launch_mitigations;  // bits that must be set
  std::optional<std::uint64_t> current_mitigations;

  ValueSet<48> measurements;
  ValueSet<32> host_data;
  ValueSet<16> family_ids;
  ValueSet<16> image_ids;
  ValueSet<32> report_ids;
  ValueSet<32> report_ids_ma;
  std::optional<std::uint32_t> minimum_guest_svn;

  std::vector<Product> products;
  std::vector<SigningKey> signing_keys;
  bool forbid_masked_chip_id = false;
  ValueSet<64> chip_ids;
  std::vector<std::string> csp_ids;  // of the VLEK

  bool require_id_block = false;
  bool require_author_key = false;
  // The ID key is one of the first, or an author key of the second vouches for it.
  ValueSet<48> id_key_digests;
  ValueSet<48> author_key_digests;

  std::vector<TableRule> table_rules;
};

// What the checks look at. Lifetime: refers to what the caller holds.
struct PolicySubject {
  const Report& report;
  const std::optional<Extensions>& extensions;  // of the leaf
  const CertificateTable* table;                // nullptr: not known
};

// Appends a check for each acceptance CheckId but report_data. `policy` nullptr: nothing is asked,
// but that a report which the host asked for is refused. In the order of their ids.
void check_policy(const PolicySubject& subject, const Policy* policy, Explain explain,
                  std::vector<Check>& checks);

}  // namespace extreq::attestation
