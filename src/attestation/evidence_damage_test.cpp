// Damage to containers: each byte of each format flipped. What is read is then refused, or is
// something else (a changed report or table is for damage_test.cpp, changed runtime data for the
// check that binds them); or nothing reads the byte, and the test says why.
#include <gtest/gtest.h>

#include "attestation/evidence.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_evidence.hpp"
#include "base/printable.hpp"

namespace extreq::attestation {
namespace {

namespace guids = abi::ghcb::certificate_table;

struct Unused {
  std::size_t begin;
  std::size_t end;
  std::string_view reason;
};

const Bytes runtime_data = to_bytes(R"({"keys":[],"user-data":"00"})");

const Bytes& report() {
  static const Bytes bytes = test::sign(test::report_fields(Product::genoa));
  return bytes;
}

bool same(const Evidence& a, const Evidence& b) {
  if (a.table.has_value() != b.table.has_value()) return false;
  if (a.table) {
    const auto equal = [](const auto& x, const auto& y) {
      return x.guid == y.guid && x.data == y.data;
    };
    if (!std::ranges::equal(a.table->entries(), b.table->entries(), equal)) return false;
  }
  return std::ranges::equal(a.report.bytes(), b.report.bytes()) && a.runtime_data == b.runtime_data;
}

void expect_each_byte_matters(const Bytes& whole, const std::vector<Unused>& unused) {
  const auto original = parse_evidence(whole, std::nullopt);
  ASSERT_TRUE(original) << original.error().message;
  std::vector<bool> passed(unused.size());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= static_cast<std::uint8_t>(1U << (at % 8));
    // Named, and told by content: where that tells the same, it is the same reader.
    std::vector<std::optional<EvidenceFormat>> formats{original->format};
    if (recognise_evidence(damaged) != original->format) formats.emplace_back();
    for (const auto format : formats) {
      const auto evidence = parse_evidence(damaged, format);
      const bool unchanged = evidence && same(*evidence, *original);
      const auto range = std::ranges::find_if(
          unused, [&](const Unused& u) { return u.begin <= at && at < u.end; });
      if (range == unused.end()) {
        const ByteView around =
            ByteView(whole).subspan(at, std::min<std::size_t>(16, whole.size() - at));
        ASSERT_FALSE(unchanged) << "byte " << at << ": "
                                << printable(std::string(around.begin(), around.end()));
      } else if (unchanged) {
        passed[static_cast<std::size_t>(range - unused.begin())] = true;
      }
    }
  }
  for (std::size_t i = 0; i < unused.size(); ++i) EXPECT_TRUE(passed[i]) << unused[i].reason;
}

Bytes small_table() {
  CertificateTableBuilder builder;
  EXPECT_TRUE(builder.add(guids::guid_vcek, to_bytes("leaf")));
  EXPECT_TRUE(builder.add(guids::guid_ask, to_bytes("intermediate")));
  return builder.build();
}

TEST(EvidenceDamage, EachByteOfARawReportMatters) { expect_each_byte_matters(report(), {}); }

TEST(EvidenceDamage, EachByteOfAnExtendedReportMatters) {
  expect_each_byte_matters(test::joined(report(), small_table()), {});
}

TEST(EvidenceDamage, EachByteOfAResponseMatters) {
  expect_each_byte_matters(test::make_response(report(), 64), {});
}

TEST(EvidenceDamage, EachByteOfAnHclReportMattersExceptForItsHeaders) {
  Bytes bytes = test::make_hcl(report(), runtime_data);
  const std::size_t end = bytes.size();
  bytes.resize(end + 16);
  expect_each_byte_matters(
      bytes,
      {{0x04, 0x20, "version, size and status of the paravisor's message: nothing uses them"},
       {0x4C0, 0x4C8, "size and version of the runtime data's header: nothing uses them"},
       {end, end + 16, "behind the runtime data nothing is read"}});
}

TEST(EvidenceDamage, EachByteOfJsonEvidenceMatters) {
  expect_each_byte_matters(to_bytes(R"({"attestation_report":)" + test::quoted_base64(report()) +
                                    R"(,"cert_chain":[{"cert_type":"VCEK","data":[1,2,255]}]})"),
                           {});
}

// What is absent reads as zero, so no optional member may be zero here.
TEST(EvidenceDamage, EachByteOfAReportInMembersMatters) {
  auto fields = test::report_fields(Product::genoa);
  fields.cpuid_stepping = 1;
  const std::string text = R"({"attestation_report":)" +
                           test::report_members(test::sign(fields), TcbLayout::milan) + "}";
  std::vector<Unused> unused;
  constexpr std::string_view fmc = R"("fmc":null,)";
  for (auto at = text.find(fmc); at != std::string::npos; at = text.find(fmc, at + 1)) {
    unused.push_back({at + 1, at + 4, "a member of another name than fmc is passed over"});
  }
  for (const std::string_view name : {"launch_mit_vector", "current_mit_vector"}) {
    unused.push_back({text.find(name), text.find(name) + name.size(),
                      "a member of another name than an absent one is passed over"});
  }
  expect_each_byte_matters(to_bytes(text), unused);
}

}  // namespace
}  // namespace extreq::attestation
