// ModelKds: AMD's Key Distribution Service (document 57230) as the software model has it: the paths
// of host/kds_path.hpp with the model's certificates behind them, and faults on request.
//
// It answers as strictly as can be: a parameter that AMD does not know, one too few or twice, or a
// chip id of the wrong length is 400; a chip, product or path that it does not have is 404.
// doc/kds.md says what a host makes of each answer.
// Lifetime: what it refers to must outlive it. Threading: any thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "firmware/model/kds.hpp"
#include "host/http.hpp"
#include "host/token_bucket.hpp"
#include "sim/kds_faults.hpp"

namespace extreq::sim {

struct ModelKdsOptions {
  // Whose VLEKs it gives out: the service knows providers by their TLS certificates, which a model
  // does without.
  std::string csp_id = "model-provider";
  // As AMD's limits an address: more than one leaf in so long is 429. Zero: no limit.
  Clock::Duration leaf_interval{};
  Clock* clock = &system_clock();
};

struct ModelKdsAnswer {
  int status = 200;
  std::string content_type;
  std::string retry_after;  // empty: no such header
  Bytes body;
  Clock::Duration delay{};  // before it is sent
  bool truncated = false;   // the connection closes after half of the body
};

class ModelKds {
 public:
  explicit ModelKds(firmware::model::Kds& kds, ModelKdsOptions options = {});

  // `path`: path and query of a GET.
  [[nodiscard]] ModelKdsAnswer answer(std::string_view path);

  [[nodiscard]] KdsFaults& faults() noexcept { return faults_; }
  // GETs so far.
  [[nodiscard]] unsigned asked() const noexcept { return asked_; }

 private:
  [[nodiscard]] ModelKdsAnswer answer_to(const host::KdsRequest& request,
                                         std::optional<KdsFault::Kind> wrong);
  [[nodiscard]] ModelKdsAnswer leaf(const host::KdsRequest& request,
                                    std::optional<KdsFault::Kind> wrong);
  [[nodiscard]] ModelKdsAnswer cert_chain(host::KeyKind kind, std::optional<KdsFault::Kind> wrong);
  [[nodiscard]] ModelKdsAnswer crl(std::optional<KdsFault::Kind> wrong);

  firmware::model::Kds& kds_;
  ModelKdsOptions options_;
  host::TokenBucket leaves_;
  KdsFaults faults_;
  std::atomic<unsigned> asked_ = 0;
};

// The model's service without a network in between. A truncated answer is io, and a slow one that
// takes longer than the request may is busy, as libcurl has it.
// Lifetime: `kds` must outlive it. Threading: any thread.
class ModelKdsHttp final : public host::HttpClient {
 public:
  explicit ModelKdsHttp(ModelKds& kds, Clock& clock = system_clock()) : kds_(kds), clock_(clock) {}
  [[nodiscard]] Result<host::HttpResponse> get(const host::HttpRequest& request) override;

 private:
  ModelKds& kds_;
  Clock& clock_;
};

}  // namespace extreq::sim
