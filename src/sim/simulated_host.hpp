// SimulatedHost: a machine whose secure processor is the software model, with its certificates in a
// blob file under the product's lock, as the host service keeps them.
//
// Threading: rotate() by one thread at a time; the rest by any.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "attestation/trust_anchors.hpp"
#include "base/temporary_directory.hpp"
#include "firmware/model/secure_processor.hpp"
#include "host/update_transaction.hpp"
#include "lease/blob_writer.hpp"

namespace extreq::sim {

class SimulatedHost {
 public:
  // Effect: a new platform in memory, and its certificates published in a temporary folder.
  // Failure: as SecureProcessor::in_memory and UpdateTransaction::publish_current.
  [[nodiscard]] static Result<std::unique_ptr<SimulatedHost>> create(
      attestation::Product product, std::optional<firmware::model::AuthorityKeys> keys);
  SimulatedHost(const SimulatedHost&) = delete;
  SimulatedHost& operator=(const SimulatedHost&) = delete;

  [[nodiscard]] firmware::model::SecureProcessor& processor() noexcept { return *processor_; }
  [[nodiscard]] const std::string& blob_path() const noexcept { return writer_.path(); }
  [[nodiscard]] const crypto::Certificate& root() const { return processor_->kds().ark(); }

  // Effect: sets the reported TCB to the next of a few, by the update transaction: with it change
  // the signing key and the blob. Failure: as UpdateTransaction::run; io if the blob could not be
  // published.
  [[nodiscard]] Result<host::UpdateReport> rotate(Clock::Duration max_wait);

 private:
  SimulatedHost(TemporaryDirectory directory,
                std::unique_ptr<firmware::model::SecureProcessor> processor,
                const attestation::Tcb& newest);

  [[nodiscard]] Result<Bytes> certificates_for(const host::SigningState& state);

  TemporaryDirectory directory_;
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
  attestation::Tcb newest_;
  std::uint8_t age_ = 0;  // how many security versions below the newest the reported TCB is
  lease::BlobWriter writer_;
  host::UpdateTransaction update_;
};

}  // namespace extreq::sim
