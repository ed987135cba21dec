// Kds: the model's Key Distribution Service: issues certificates for the keys that the model's
// processor derives, as AMD's does (document 57230), below the installation's own root.
//
// It knows the chip's secret, as AMD does, and never asks the processor: issuing takes no firmware
// command. A certificate is issued once for a (key, TCB) and kept: in memory, and with a state
// directory in its folder `certificates`, so that two processes hand out the same bytes (RSA-PSS is
// randomised: issued twice, they would differ in the signature).
// Lifetime: holds secrets and wipes them. Threading: any thread; any number of processes.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "crypto/crl.hpp"
#include "firmware/model/authority.hpp"
#include "firmware/model/endorsement_keys.hpp"
#include "firmware/model/file_lock.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

class Kds {
 public:
  // `folder`: where issued certificates are kept, made if missing; empty: in memory only.
  // `clock` must outlive the Kds. `lock_file`: from FileLock::open_file, or none without a folder.
  Kds(Authority authority, const PlatformState& chip, Clock& clock, std::string folder,
      UniqueFd lock_file);

  [[nodiscard]] const Authority& authority() const noexcept { return authority_; }
  [[nodiscard]] const crypto::Certificate& ark() const noexcept { return authority_.ark(); }
  [[nodiscard]] const crypto::Certificate& ask() const noexcept { return authority_.ask(); }
  [[nodiscard]] const crypto::Certificate& asvk() const noexcept { return authority_.asvk(); }
  [[nodiscard]] attestation::Product product() const noexcept { return product_; }
  [[nodiscard]] const ChipId& chip_id() const noexcept { return chip_id_; }

  // For any TCB of the product's layout, also for one that this chip has not reached.
  // Failure: invalid_input for another layout or a bad CSP id; io.
  [[nodiscard]] Result<crypto::Certificate> vcek(const attestation::Tcb& tcb);
  [[nodiscard]] Result<crypto::Certificate> vlek(const std::string& csp_id,
                                                 const attestation::Tcb& tcb);

  // The ARK's revocation list: nobody is on it. A new one each day, numbered by the day, fresh for
  // crl_validity. Kept in memory for the day. Failure: as issue_revocation_list.
  static constexpr std::chrono::days crl_validity{30};
  [[nodiscard]] Result<crypto::RevocationList> revocation_list();

  // The hashstick for SNP_VLEK_LOAD on this chip. Failure: as vlek().
  [[nodiscard]] Result<abi::snp::WrappedVlek> wrap_vlek(const std::string& csp_id,
                                                        const attestation::Tcb& tcb) const;

  // The GHCB's table: VCEK, ASK and ARK; with a CSP id VLEK, ASVK and ARK. Failure: as above.
  [[nodiscard]] Result<Bytes> certificate_table(const attestation::Tcb& tcb,
                                                const std::optional<std::string>& csp_id);

 private:
  struct Leaf {
    std::string name;  // of the cache and of the file
    crypto::EcdsaP384PublicKey key;
    crypto::CertificateContent content;
    const crypto::Certificate* issuer;
    const crypto::RsaPrivateKey* issuer_key;
  };
  [[nodiscard]] Status check_layout(const attestation::Tcb& tcb) const;
  [[nodiscard]] crypto::CertificateContent content_of(const crypto::EcdsaP384PublicKey& key,
                                                      crypto::DistinguishedName issuer,
                                                      std::string_view common_name) const;
  // From the cache, from the folder, or issued now.
  [[nodiscard]] Result<crypto::Certificate> obtain(const Leaf& leaf);
  [[nodiscard]] std::optional<crypto::Certificate> stored(const Leaf& leaf) const;
  [[nodiscard]] bool usable(const crypto::Certificate& certificate, const Leaf& leaf) const;

  Authority authority_;
  attestation::Product product_;
  ChipId chip_id_;
  Secret<64> chip_secret_;
  Secret<48> kds_secret_;
  Clock& clock_;
  std::string folder_;
  FileLock lock_;  // guards issued_ and the folder
  std::map<std::string, crypto::Certificate> issued_;
  std::mutex list_mutex_;  // guards list_
  std::optional<crypto::RevocationList> list_;
};

}  // namespace extreq::firmware::model
