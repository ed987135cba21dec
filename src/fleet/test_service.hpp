// A key service without a network for the mirror's tests: the model's certificates, CRLs that the
// test numbers, answers that it plans, and a count of what was asked for.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "attestation/trust_anchors.hpp"
#include "base/temporary_directory.hpp"
#include "crypto/crl_builder.hpp"
#include "firmware/model/secure_processor.hpp"
#include "firmware/model/test_authority.hpp"
#include "host/http.hpp"
#include "host/kds_path.hpp"
#include "host/store_sqlite.hpp"

namespace extreq::fleet {

class TestService final : public host::HttpClient {
 public:
  static constexpr const char* url = "http://kds.example";

  explicit TestService(Clock& clock) : clock_(clock), processor_(make(clock)) {}

  [[nodiscard]] Result<host::HttpResponse> get(const host::HttpRequest& request) override {
    const std::string path = request.url.substr(std::string_view(url).size());
    const std::lock_guard lock(mutex_);
    ++asked_[path];
    const auto planned = std::ranges::find_if(
        planned_, [&](const auto& one) { return path.find(one.first) != std::string::npos; });
    if (planned != planned_.end()) {
      const auto answer = planned->second.front();
      if (planned->second.size() > 1) planned->second.pop_front();
      if (!answer || answer->status != as_the_model) return answer;
    }
    return answer_of_model(path);
  }

  // Requests whose path has `part` get these answers, one after the other; the last one for good.
  using Answer = Result<host::HttpResponse>;
  void plan(const std::string& part, std::deque<Answer> answers) {
    const std::lock_guard lock(mutex_);
    planned_[part] = std::move(answers);
  }
  static Answer status(int status, const std::string& retry_after = "") {
    return host::HttpResponse{status, retry_after, {}};
  }
  static Answer body(const Bytes& bytes) { return host::HttpResponse{200, {}, bytes}; }
  static Answer of_model() { return status(as_the_model); }

  // From now on VCEKs' CRL is this list.
  crypto::RevocationList serve_crl(std::uint64_t number, std::chrono::hours life) {
    crypto::RevocationListContent content;
    content.issuer_der = ark().subject_der();
    content.this_update = clock_.utc();
    content.next_update = clock_.utc() + life;
    content.number = number;
    auto list = crypto::issue_revocation_list(content, *kds().authority().keys().ark).value();
    plan("/crl", {body(list.der())});
    return list;
  }

  [[nodiscard]] int asked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }
  [[nodiscard]] firmware::model::Kds& kds() { return processor_->kds(); }
  [[nodiscard]] const crypto::Certificate& ark() { return kds().ark(); }
  [[nodiscard]] attestation::TrustAnchors anchors() {
    attestation::TrustAnchors anchors;
    (void)anchors.add(ark());
    return anchors;
  }
  [[nodiscard]] host::CertificateKey key(std::uint8_t microcode) {
    return {attestation::Product::milan,
            host::KeyKind::vcek,
            Bytes(kds().chip_id().begin(), kds().chip_id().end()),
            {std::nullopt, 4, 0, 22, microcode}};
  }
  [[nodiscard]] std::string path(std::uint8_t microcode) {
    return host::kds_path({host::KdsObject::leaf, key(microcode)}).value();
  }
  [[nodiscard]] crypto::Certificate leaf(std::uint8_t microcode) {
    return kds().vcek(key(microcode).tcb).value();
  }
  [[nodiscard]] std::string chain(host::KeyKind kind) {
    const auto& first = kind == host::KeyKind::vcek ? kds().ask() : kds().asvk();
    return first.to_pem().value() + ark().to_pem().value();
  }

 private:
  static constexpr int as_the_model = 0;

  static std::unique_ptr<firmware::model::SecureProcessor> make(Clock& clock) {
    firmware::model::Installation installation;
    installation.keys = firmware::model::test_authority_keys();
    return firmware::model::SecureProcessor::in_memory(installation, {.clock = &clock}).value();
  }
  Answer answer_of_model(const std::string& path) {
    const auto request = host::parse_kds_path(path);
    if (!request || request->object == host::KdsObject::crl) return status(404);
    if (request->object == host::KdsObject::cert_chain) {
      return body(to_bytes(chain(request->key.kind)));
    }
    return body(kds().vcek(request->key.tcb).value().der());
  }

  Clock& clock_;
  std::unique_ptr<firmware::model::SecureProcessor> processor_;
  std::mutex mutex_;  // guards all below
  std::map<std::string, int> asked_;
  std::map<std::string, std::deque<Answer>> planned_;
};

// A store of the test's own.
struct TestStore {
  TemporaryDirectory folder = TemporaryDirectory::create("extreq-mirror").value();
  std::unique_ptr<host::SqliteStore> store =
      host::SqliteStore::open(folder.path() + "/store.db").value();
};

}  // namespace extreq::fleet
