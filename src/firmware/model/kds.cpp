#include "firmware/model/kds.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "base/file.hpp"
#include "base/try.hpp"
#include "crypto/crl_builder.hpp"
#include "firmware/model/leaf_extensions.hpp"
#include "firmware/model/leftovers.hpp"
#include "firmware/model/wrapped_vlek.hpp"

namespace extreq::firmware::model {
namespace {

using attestation::Tcb;
using crypto::Certificate;

constexpr std::chrono::years vcek_validity{7};
constexpr std::chrono::years vlek_validity{1};
constexpr std::size_t cached_certificates = 256;
// Whoever asks for many TCBs fills neither memory nor disk; beyond this nothing more is stored.
constexpr std::size_t stored_certificates = 1024;

bool is_full(const std::string& folder) {
  std::error_code ignored;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator at(folder, ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    ++count;
  }
  return count >= stored_certificates;
}

}  // namespace

Kds::Kds(Authority authority, const PlatformState& chip, Clock& clock, std::string folder,
         UniqueFd lock_file)
    : authority_(std::move(authority)),
      product_(chip.product),
      chip_id_(chip.chip_id),
      chip_secret_(chip.chip_secret.clone()),
      kds_secret_(chip.kds_secret.clone()),
      clock_(clock),
      folder_(std::move(folder)),
      lock_(std::move(lock_file)) {}

Status Kds::check_layout(const Tcb& tcb) const {
  if (attestation::layout_of(tcb) == attestation::layout_of(product_)) return {};
  return fail(Code::invalid_input, "KDS: TCB {} is not in {}'s layout", attestation::to_text(tcb),
              attestation::kds_name(product_));
}

crypto::CertificateContent Kds::content_of(const crypto::EcdsaP384PublicKey& key,
                                           crypto::DistinguishedName issuer,
                                           std::string_view common_name) const {
  // From the start of the day on, for verifiers whose clock is a little behind.
  const auto today = std::chrono::floor<std::chrono::days>(clock_.utc());
  return {
      .serial = 0,
      .issuer = std::move(issuer),
      .subject = leaf_name(std::string(common_name)),
      .not_before = today,
      .not_after = today,
      .subject_key = key,
      .authority = std::nullopt,
      .extensions = {},
      // As in real leaves: Turin's do not have it.
      .explicit_trailer_field = attestation::layout_of(product_) == attestation::TcbLayout::milan};
}

Result<Certificate> Kds::vcek(const Tcb& tcb) {
  EXTREQ_TRY(check_layout(tcb));
  const auto key = derive_vcek(chip_secret_, product_, tcb).public_key();
  Leaf leaf{fmt::format("vcek-{:016x}", attestation::encode_tcb(tcb)), key,
            content_of(key, ask_name(product_), "SEV-VCEK"), &authority_.ask(),
            &authority_.ask_key()};
  leaf.content.not_after += vcek_validity;
  leaf.content.extensions = vcek_extensions(product_, tcb, chip_id_);
  return obtain(leaf);
}

Result<Certificate> Kds::vlek(const std::string& csp_id, const Tcb& tcb) {
  EXTREQ_TRY(check_layout(tcb));
  EXTREQ_TRY(check_csp_id(csp_id));
  const auto key = derive_vlek(derive_vlek_seed(kds_secret_, csp_id), product_, tcb).public_key();
  Leaf leaf{fmt::format("vlek-{}-{:016x}", to_hex(to_bytes(csp_id)), attestation::encode_tcb(tcb)),
            key, content_of(key, asvk_name(product_), "SEV-VLEK"), &authority_.asvk(),
            &authority_.asvk_key()};
  leaf.content.not_after += vlek_validity;
  leaf.content.extensions = vlek_extensions(product_, tcb, csp_id);
  return obtain(leaf);
}

Result<crypto::RevocationList> Kds::revocation_list() {
  const auto today = std::chrono::floor<std::chrono::days>(clock_.utc());
  const std::lock_guard guard(list_mutex_);
  if (list_ && list_->this_update() == today) return *list_;
  crypto::RevocationListContent content;
  content.issuer_der = ark().subject_der();
  content.this_update = today;
  content.next_update = today + crl_validity;
  content.number = static_cast<std::uint64_t>(today.time_since_epoch().count());
  EXTREQ_TRY_ASSIGN(list_, crypto::issue_revocation_list(content, *authority_.keys().ark));
  return *list_;
}

Result<abi::snp::WrappedVlek> Kds::wrap_vlek(const std::string& csp_id, const Tcb& tcb) const {
  EXTREQ_TRY(check_layout(tcb));
  EXTREQ_TRY(check_csp_id(csp_id));
  return model::wrap_vlek(chip_secret_, {derive_vlek_seed(kds_secret_, csp_id), csp_id}, tcb);
}

Result<Bytes> Kds::certificate_table(const Tcb& tcb, const std::optional<std::string>& csp_id) {
  namespace table = abi::ghcb::certificate_table;
  attestation::CertificateTableBuilder builder;
  if (csp_id) {
    EXTREQ_TRY_ASSIGN(const Certificate leaf, vlek(*csp_id, tcb));
    EXTREQ_TRY(builder.add(table::guid_vlek, leaf.der()));
    EXTREQ_TRY(builder.add(table::guid_ask, asvk().der()));
  } else {
    EXTREQ_TRY_ASSIGN(const Certificate leaf, vcek(tcb));
    EXTREQ_TRY(builder.add(table::guid_vcek, leaf.der()));
    EXTREQ_TRY(builder.add(table::guid_ask, ask().der()));
  }
  EXTREQ_TRY(builder.add(table::guid_ark, ark().der()));
  return builder.build();
}

Result<Certificate> Kds::obtain(const Leaf& leaf) {
  EXTREQ_TRY_ASSIGN(const auto guard, lock_.lock());
  const auto found = issued_.find(leaf.name);
  if (found != issued_.end() && usable(found->second, leaf)) return found->second;
  auto certificate = stored(leaf);
  if (!certificate) {
    EXTREQ_TRY_ASSIGN(certificate, crypto::issue_certificate(leaf.content, *leaf.issuer_key));
    if (!folder_.empty() && !is_full(folder_)) {
      const std::string path = folder_ + "/" + leaf.name + ".der";
      remove_leftovers(path);
      EXTREQ_TRY(replace_file(path, certificate->der(), 0644));
    }
  }
  if (issued_.size() >= cached_certificates) issued_.clear();
  issued_.insert_or_assign(leaf.name, *certificate);
  return *certificate;
}

// A file that is damaged, expired or of another installation is as good as none: it is issued anew.
std::optional<Certificate> Kds::stored(const Leaf& leaf) const {
  if (folder_.empty()) return std::nullopt;
  const auto der = read_file(folder_ + "/" + leaf.name + ".der");
  if (!der) return std::nullopt;
  const auto certificate = Certificate::from_der(*der);
  if (!certificate || !usable(*certificate, leaf) ||
      certificate->extensions() != leaf.content.extensions ||
      !certificate->check_signed_by(*leaf.issuer)) {
    return std::nullopt;
  }
  return *certificate;
}

bool Kds::usable(const Certificate& certificate, const Leaf& leaf) const {
  const auto now = clock_.utc();
  const auto key = certificate.ecdsa_p384_key();
  return key && *key == leaf.key && certificate.not_before() <= now &&
         now <= certificate.not_after();
}

}  // namespace extreq::firmware::model
