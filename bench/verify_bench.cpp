// Verification beside its peer: the same checks on the same evidence by plain OpenSSL code.
//
// The evidence is AMD's own where $EXTREQ_TESTDATA has it (Milan), so that the root is one of those
// pinned in the program, and the model's, whose root is named.
#include <cstdlib>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include "attestation/verifier.hpp"
#include "base/file.hpp"
#include "bench/bench_evidence.hpp"
#include "bench/plain_openssl.hpp"

namespace extreq::bench {
namespace {

namespace guids = abi::ghcb::certificate_table;
using attestation::Verdict;

struct Evidence {
  Bytes report;
  Bytes table;
  std::vector<crypto::Certificate> certificates;  // leaf, intermediate, root
  attestation::TrustAnchors anchors;
  std::chrono::sys_seconds at;

  [[nodiscard]] PlainEvidence plain() const {
    return {report, certificates[0].der(), certificates[1].der(), certificates[2].der()};
  }
};

void need(bool done, const char* what) {
  if (done) return;
  fmt::print(stderr, "benchmark: {} failed\n", what);
  std::exit(EXIT_FAILURE);
}

Evidence model_evidence() {
  Evidence made;
  made.report = report_from(platform(), requester());
  made.table = platform().processor->certificate_table().value();
  const auto table = attestation::CertificateTable::parse(made.table).value();
  made.certificates = attestation::certificates_of(table).value();
  need(made.anchors.add(made.certificates[2]).has_value(), "naming the model's root");
  made.at = system_clock().utc();
  return made;
}

std::optional<Evidence> real_evidence() {
  const char* const folder = std::getenv("EXTREQ_TESTDATA");
  if (folder == nullptr) return std::nullopt;
  const std::string base(folder);
  const auto report = read_file(base + "/milan/report.bin");
  const auto leaf = read_file(base + "/milan/vcek.der");
  const auto chain = read_file(base + "/roots/milan_vcek_chain.pem");
  if (!report || !leaf || !chain) return std::nullopt;
  Evidence made;
  made.report = *report;
  made.certificates = crypto::Certificate::from_pem_or_der(*chain).value();
  made.certificates.insert(made.certificates.begin(), crypto::Certificate::from_der(*leaf).value());
  attestation::CertificateTableBuilder table;
  need(table.add(guids::guid_vcek, made.certificates[0].der()).has_value() &&
           table.add(guids::guid_ask, made.certificates[1].der()).has_value() &&
           table.add(guids::guid_ark, made.certificates[2].der()).has_value(),
       "building a table");
  made.table = table.build();
  made.at = made.certificates[0].not_before() + std::chrono::years(1);
  return made;
}

const Evidence& evidence(bool real) {
  static const Evidence model = model_evidence();
  static const std::optional<Evidence> amd = real_evidence();
  return real && amd ? *amd : model;
}

void OneShotPlainOpenssl(benchmark::State& state, bool real) {
  const Evidence& with = evidence(real);
  for (auto _ : state) {
    need(plain_one_shot(with.plain(), with.certificates[2].der(), with.at), "plain OpenSSL");
  }
  state.SetItemsProcessed(state.iterations());
}

// From the bytes of table and named root; nothing is kept from one to the next.
void OneShotExtreq(benchmark::State& state, bool real) {
  const Evidence& with = evidence(real);
  const bool named = !with.anchors.named().empty();
  const Bytes& root = with.certificates[2].der();
  for (auto _ : state) {
    attestation::TrustAnchors anchors;
    if (named) {
      const auto parsed = crypto::Certificate::from_der(root).value();
      need(anchors.add(parsed).has_value(), "naming the root");
    }
    const auto report = attestation::Report::parse(with.report).value();
    const auto table = attestation::CertificateTable::parse(with.table).value();
    const auto certificates = attestation::certificates_of(table).value();
    const auto found = attestation::verify({report, certificates, anchors, with.at, {}});
    need(found.verdict == Verdict::genuine, "verify");
  }
  state.SetItemsProcessed(state.iterations());
}

void KeptPlainOpenssl(benchmark::State& state) {
  const Evidence& with = evidence(false);
  const auto leaf = PlainLeaf::verify_chain(with.plain(), with.certificates[2].der(), with.at);
  need(leaf != nullptr, "plain OpenSSL");
  for (auto _ : state) need(leaf->verify_report(with.report, with.at), "plain OpenSSL");
  state.SetItemsProcessed(state.iterations());
}

// From the table's bytes, which are hashed each time.
void KeptExtreq(benchmark::State& state) {
  const Evidence& with = evidence(false);
  static const attestation::Verifier verifier(with.anchors);
  for (auto _ : state) {
    const auto report = attestation::Report::parse(with.report).value();
    const auto found = verifier.verify(report, with.table, with.at, {});
    need(found && found->verdict == Verdict::genuine, "Verifier");
  }
  state.SetItemsProcessed(state.iterations());
}

// What a verification costs beside its one signature.
void KeptExtreqWithoutSignature(benchmark::State& state) {
  const Evidence& with = evidence(false);
  const attestation::Verifier verifier(with.anchors);
  for (auto _ : state) {
    const auto report = attestation::Report::parse(with.report).value();
    const auto endorsement = verifier.endorsement(report.signing_key(), with.table).value();
    const auto question = attestation::signature_question(report, *endorsement);
    const auto found = attestation::verify(report, *endorsement, with.at, {}, question.has_value());
    need(found.verdict == Verdict::genuine, "Verifier");
  }
  state.SetItemsProcessed(state.iterations());
}

void ParseLeafPlainOpenssl(benchmark::State& state) {
  const Bytes& der = evidence(false).certificates[0].der();
  for (auto _ : state) {
    const unsigned char* at = der.data();
    X509* const x509 = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
    need(X509_get0_pubkey(x509) != nullptr, "d2i_X509");
    X509_free(x509);
  }
}

void ParseLeafExtreq(benchmark::State& state) {
  const Bytes& der = evidence(false).certificates[0].der();
  for (auto _ : state) benchmark::DoNotOptimize(crypto::Certificate::from_der(der));
}

// Bytes on the heap for one more leaf in the cache, its chain shared with the others.
void MemoryOfAKeptLeaf(benchmark::State& state) {
  constexpr std::size_t count = 256;
  const Evidence& with = evidence(false);
  double bytes = 0;
  for (auto _ : state) {
    const attestation::Verifier verifier(with.anchors);
    const auto before = mallinfo2().uordblks;
    for (std::size_t i = 0; i < count; ++i) {
      // The same leaf each time, parsed anew, in a list that differs: an entry of its own.
      std::vector<crypto::Certificate> list{
          crypto::Certificate::from_der(with.certificates[0].der()).value(), with.certificates[1],
          with.certificates[2]};
      list.insert(list.end(), i, with.certificates[2]);
      static_cast<void>(verifier.endorsement(attestation::SigningKey::vcek, list));
    }
    bytes = static_cast<double>(mallinfo2().uordblks - before) / count;
  }
  state.counters["bytes"] = bytes;
}

void register_all() {
  constexpr auto us = benchmark::kMicrosecond;
  using benchmark::RegisterBenchmark;
  if (real_evidence()) {
    RegisterBenchmark("OneShotPlainOpenssl/amd", OneShotPlainOpenssl, true)->Unit(us);
    RegisterBenchmark("OneShotExtreq/amd", OneShotExtreq, true)->Unit(us);
  }
  RegisterBenchmark("OneShotPlainOpenssl/model", OneShotPlainOpenssl, false)->Unit(us);
  RegisterBenchmark("OneShotExtreq/model", OneShotExtreq, false)->Unit(us);
  RegisterBenchmark("KeptPlainOpenssl", KeptPlainOpenssl)->Unit(us);
  for (const int threads : {1, 2}) {
    RegisterBenchmark("KeptExtreq", KeptExtreq)->Threads(threads)->UseRealTime()->Unit(us);
  }
  RegisterBenchmark("KeptExtreqWithoutSignature", KeptExtreqWithoutSignature)->Unit(us);
  RegisterBenchmark("ParseLeafPlainOpenssl", ParseLeafPlainOpenssl)->Unit(us);
  RegisterBenchmark("ParseLeafExtreq", ParseLeafExtreq)->Unit(us);
  RegisterBenchmark("MemoryOfAKeptLeaf", MemoryOfAKeptLeaf)->Iterations(1);
}

const bool registered = (register_all(), true);

}  // namespace
}  // namespace extreq::bench
