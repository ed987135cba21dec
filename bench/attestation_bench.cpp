// Parsing and verifying on the guest's side: certificate table, report, and both together.
#include <chrono>
#include <cstdlib>

#include <benchmark/benchmark.h>

#include "attestation/certificate_table.hpp"
#include "attestation/verification.hpp"
#include "bench/bench_evidence.hpp"

namespace extreq::bench {
namespace {

namespace layout = abi::ghcb::certificate_table;

struct Evidence {
  Bytes report = report_from(platform(), requester());
  Bytes table = platform().processor->certificate_table().value();
  attestation::TrustAnchors anchors;
  std::chrono::sys_seconds now = system_clock().utc();
};

Evidence& evidence() {
  static Evidence evidence = [] {
    Evidence made;
    if (!made.anchors.add(platform().processor->kds().ark())) std::abort();
    return made;
  }();
  return evidence;
}

void TableBuild(benchmark::State& state) {
  const auto table = attestation::CertificateTable::parse(evidence().table).value();
  for (auto _ : state) {
    attestation::CertificateTableBuilder builder;
    for (const auto& entry : table.entries()) {
      if (!builder.add(entry.guid, entry.data)) state.SkipWithError("add");
    }
    benchmark::DoNotOptimize(builder.build());
  }
}
BENCHMARK(TableBuild);

void TableParse(benchmark::State& state) {
  const Evidence& with = evidence();  // making it is not what is measured
  for (auto _ : state) {
    benchmark::DoNotOptimize(attestation::CertificateTable::parse(with.table));
  }
}
BENCHMARK(TableParse);

void ReportParse(benchmark::State& state) {
  const Evidence& with = evidence();
  for (auto _ : state) benchmark::DoNotOptimize(attestation::Report::parse(with.report));
}
BENCHMARK(ReportParse);

// Nothing is kept: table, certificates, three RSA signatures and one ECDSA signature.
void VerifyOneShot(benchmark::State& state) {
  const Evidence& with = evidence();
  for (auto _ : state) {
    const auto report = attestation::Report::parse(with.report).value();
    const auto table = attestation::CertificateTable::parse(with.table).value();
    const auto certificates = attestation::certificates_of(table).value();
    const attestation::Expectations expectations;
    const auto verification =
        attestation::verify({report, certificates, with.anchors, with.now, expectations});
    if (verification.verdict != attestation::Verdict::genuine) state.SkipWithError("not genuine");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(VerifyOneShot)->Unit(benchmark::kMicrosecond);

// The endorsement of the leaf is kept: report and one ECDSA signature.
void VerifyKeptEndorsement(benchmark::State& state) {
  const auto table = attestation::CertificateTable::parse(evidence().table).value();
  const auto certificates = attestation::certificates_of(table).value();
  const auto endorsement =
      attestation::Endorsement::find(attestation::Report::parse(evidence().report)->signing_key(),
                                     certificates, evidence().anchors);
  for (auto _ : state) {
    const auto report = attestation::Report::parse(evidence().report).value();
    const auto verification = attestation::verify(report, endorsement, evidence().now, {});
    if (verification.verdict != attestation::Verdict::genuine) state.SkipWithError("not genuine");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(VerifyKeptEndorsement)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace extreq::bench
