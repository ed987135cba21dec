#include "attestation/certificate_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/byte_builder.hpp"

namespace extreq::attestation {
namespace {

namespace layout = abi::ghcb::certificate_table;
using testing::HasSubstr;

constexpr std::uint32_t entry_size = sizeof(layout::Entry);

Guid unknown_guid(std::uint8_t number) {
  Guid guid{};
  guid.fill(0xE0);
  guid.back() = number;
  return guid;
}

struct RawEntry {
  Guid guid;
  std::uint32_t offset;
  std::uint32_t length;
};

// A table as a hostile host might write it: entries, an end unless left out, then zeros up to size.
Bytes raw_table(const std::vector<RawEntry>& entries, std::size_t size, bool with_end = true) {
  ByteBuilder builder;
  for (const RawEntry& raw : entries) {
    layout::Entry entry;
    entry.guid = raw.guid;
    entry.offset = raw.offset;
    entry.length = raw.length;
    builder.object(entry);
  }
  if (with_end) builder.object(layout::Entry{});
  if (builder.size() < size) builder.zeros(size - builder.size());
  return builder.take();
}

std::string error_of(ByteView bytes) {
  const auto table = CertificateTable::parse(bytes);
  if (table) return "(parsed)";
  EXPECT_EQ(table.error().code, Code::invalid_input);
  return table.error().message;
}

TEST(CertificateTable, HasTheGuidBytesThatOthersReadAndWrite) {
  EXPECT_EQ(to_hex(layout::guid_vcek), "63da758de6644564adc5f4b93be8accd");
  EXPECT_EQ(to_hex(layout::guid_vlek), "a8074bc2a25a483eaae639c045a0b8a1");
  EXPECT_EQ(to_hex(layout::guid_ask), "4ab7b379bbac4fe4a02f05aef327c782");
  EXPECT_EQ(to_hex(layout::guid_ark), "c0b406a4a803495297433fb6014cd0ae");
  EXPECT_EQ(to_hex(layout::guid_crl), "92f81bc358114d3d97ffd19f88dc67ea");
  EXPECT_EQ(to_text(layout::guid_vcek), "63da758d-e664-4564-adc5-f4b93be8accd");
}

TEST(CertificateTable, NamesTheGuidsOfTheSpecificationOnly) {
  EXPECT_EQ(certificate_name(layout::guid_vcek), "VCEK");
  EXPECT_EQ(certificate_name(layout::guid_ask), "ASK or ASVK");
  EXPECT_EQ(certificate_name(layout::guid_crl), "CRL");
  EXPECT_EQ(certificate_name(unknown_guid(1)), std::nullopt);
}

TEST(CertificateTable, BuildsTheBytesThatTheSpecificationSays) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(layout::guid_vcek, Bytes{1, 2, 3}));
  ASSERT_TRUE(builder.add(layout::guid_crl, Bytes{4}));
  EXPECT_EQ(to_hex(builder.build()),
            "63da758de6644564adc5f4b93be8accd"
            "48000000"
            "03000000"
            "92f81bc358114d3d97ffd19f88dc67ea"
            "4b000000"
            "01000000"
            "00000000000000000000000000000000"
            "00000000"
            "00000000"
            "01020304");
}

TEST(CertificateTable, ParsesWhatItBuilds) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(layout::guid_vlek, Bytes(1300, 1)));
  ASSERT_TRUE(builder.add(unknown_guid(7), Bytes(1, 2)));
  ASSERT_TRUE(builder.add(layout::guid_ark, Bytes(1600, 3)));
  const auto table = CertificateTable::parse(builder.build());
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->entries().size(), 3U);
  EXPECT_EQ(table->entries()[0].data, Bytes(1300, 1));
  EXPECT_EQ(table->entries()[1].guid, unknown_guid(7));
  EXPECT_EQ(table->entries()[2].guid, layout::guid_ark);
  ASSERT_TRUE(table->find(layout::guid_ark));
  EXPECT_EQ(table->find(layout::guid_ark)->size(), 1600U);
  EXPECT_FALSE(table->find(layout::guid_vcek));
}

TEST(CertificateTable, KeepsItsBytesWhenTheViewGoes) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(layout::guid_vcek, Bytes{1, 2, 3}));
  Bytes bytes = builder.build();
  const auto table = CertificateTable::parse(bytes);
  std::ranges::fill(bytes, 0xFF);
  EXPECT_EQ(table->entries().at(0).data, (Bytes{1, 2, 3}));
}

TEST(CertificateTable, NothingAndZerosAreEmptyTables) {
  EXPECT_TRUE(CertificateTable::parse({}).value().empty());
  EXPECT_TRUE(CertificateTable::parse(Bytes(24)).value().empty());
  EXPECT_TRUE(CertificateTable::parse(Bytes(4096)).value().empty());
  EXPECT_EQ(CertificateTableBuilder().build(), Bytes(24));
}

TEST(CertificateTable, BytesBehindAnEmptyTableAreNotLookedAt) {
  Bytes bytes(4096, 0xFF);
  std::fill_n(bytes.begin(), 24, std::uint8_t{0});
  EXPECT_TRUE(CertificateTable::parse(bytes).value().empty());
}

TEST(CertificateTable, FewerBytesThanAnEndAreRefused) {
  for (std::size_t size = 1; size < 24; ++size) {
    EXPECT_THAT(error_of(Bytes(size)), HasSubstr("no end of 24 zero bytes")) << size;
  }
}

TEST(CertificateTable, EntriesWithoutAnEndAreRefused) {
  const Bytes bytes =
      raw_table({{layout::guid_vcek, 24, 24}, {layout::guid_ask, 24, 24}}, 0, false);
  EXPECT_THAT(error_of(bytes), HasSubstr("2 entries and no end"));
}

TEST(CertificateTable, OffsetAndLengthThatWrapThirtyTwoBitsAreRefused) {
  for (const auto& [offset, length] : {std::pair{0xFFFFFFFFU, 1U},
                                       {0xFFFFFFFFU, 0xFFFFFFFFU},
                                       {2 * entry_size, 0xFFFFFFFFU},
                                       {0xFFFFFFF0U, 0x40U}}) {
    EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, offset, length}}, 4096)),
                HasSubstr("past the end"));
  }
}

TEST(CertificateTable, DataMayEndAtTheEndOfTheBufferAndNotBehindIt) {
  EXPECT_TRUE(CertificateTable::parse(raw_table({{layout::guid_vcek, 4095, 1}}, 4096)));
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 4095, 2}}, 4096)), HasSubstr("past the end"));
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 4096, 1}}, 4096)), HasSubstr("past the end"));
}

TEST(CertificateTable, DataInsideTheEntriesIsRefused) {
  for (std::uint32_t offset = 0; offset < 2 * entry_size; ++offset) {
    EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, offset, 8}}, 4096)),
                HasSubstr("inside the entries"))
        << offset;
  }
  EXPECT_TRUE(CertificateTable::parse(raw_table({{layout::guid_vcek, 2 * entry_size, 8}}, 4096)));
}

TEST(CertificateTable, DataThatOverlapsIsRefusedInAnyOrder) {
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 100, 10}, {layout::guid_ask, 109, 5}}, 200)),
              HasSubstr("entries 0 and 1 overlap"));
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 109, 5}, {layout::guid_ask, 100, 10}}, 200)),
              HasSubstr("entries 1 and 0 overlap"));
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 100, 50}, {layout::guid_ask, 110, 1}}, 200)),
              HasSubstr("overlap"));
  EXPECT_TRUE(CertificateTable::parse(
      raw_table({{layout::guid_vcek, 110, 5}, {layout::guid_ask, 100, 10}}, 200)));
}

TEST(CertificateTable, AGuidTwiceIsRefusedEvenAnUnknownOne) {
  EXPECT_THAT(error_of(raw_table({{unknown_guid(1), 100, 1}, {unknown_guid(1), 101, 1}}, 200)),
              HasSubstr("entries 0 and 1 have the GUID"));
}

TEST(CertificateTable, AnEntryWithoutDataIsRefused) {
  EXPECT_THAT(error_of(raw_table({{layout::guid_vcek, 100, 0}}, 200)),
              HasSubstr("entry 0 has no data"));
}

TEST(CertificateTable, ANilGuidThatIsNotTheEndIsRefused) {
  EXPECT_THAT(error_of(raw_table({{Guid{}, 100, 1}}, 200)), HasSubstr("nil GUID"));
  EXPECT_THAT(error_of(raw_table({{Guid{}, 0, 1}}, 200)), HasSubstr("nil GUID"));
}

TEST(CertificateTable, TheByteOrderOfMicrosoftsStructuresIsNamed) {
  const Guid swapped{0x8D, 0x75, 0xDA, 0x63, 0x64, 0xE6, 0x64, 0x45,
                     0xAD, 0xC5, 0xF4, 0xB9, 0x3B, 0xE8, 0xAC, 0xCD};
  EXPECT_THAT(error_of(raw_table({{swapped, 100, 1}}, 200)),
              AllOf(HasSubstr("GUID of VCEK"), HasSubstr("byte-swapped"),
                    HasSubstr("63da758d-e664-4564-adc5-f4b93be8accd")));
  EXPECT_FALSE(CertificateTableBuilder().add(swapped, Bytes{1}));
}

TEST(CertificateTable, HasAtMostItsCapOfEntries) {
  std::vector<RawEntry> entries;
  for (std::uint32_t i = 0; i < CertificateTable::max_entries; ++i) {
    entries.push_back({unknown_guid(static_cast<std::uint8_t>(i)), 4096 + i, 1});
  }
  EXPECT_EQ(CertificateTable::parse(raw_table(entries, 8192)).value().entries().size(), 64U);
  entries.push_back({unknown_guid(64), 8000, 1});
  EXPECT_THAT(error_of(raw_table(entries, 8192)), HasSubstr("more than 64 entries"));
}

TEST(CertificateTable, EveryTruncationIsAnErrorOrTheWholeTable) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(layout::guid_vcek, Bytes(40, 1)));
  ASSERT_TRUE(builder.add(layout::guid_ask, Bytes(50, 2)));
  const Bytes whole = builder.build();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(CertificateTable::parse(ByteView(whole).first(size))) << size;
  }
}

TEST(CertificateTableBuilder, RefusesWhatTheReaderWouldRefuseAndStaysAsItWas) {
  CertificateTableBuilder builder;
  ASSERT_TRUE(builder.add(layout::guid_vcek, Bytes{1}));
  const Bytes before = builder.build();
  EXPECT_FALSE(builder.add(layout::guid_vcek, Bytes{2}));
  EXPECT_FALSE(builder.add(layout::guid_ask, {}));
  EXPECT_FALSE(builder.add(Guid{}, Bytes{2}));
  EXPECT_EQ(builder.build(), before);
}

TEST(CertificateTableBuilder, HoldsAsManyEntriesAsTheReaderTakes) {
  CertificateTableBuilder builder;
  for (std::size_t i = 0; i < CertificateTable::max_entries; ++i) {
    ASSERT_TRUE(builder.add(unknown_guid(static_cast<std::uint8_t>(i)), Bytes{1}));
  }
  EXPECT_FALSE(builder.add(unknown_guid(64), Bytes{1}));
  EXPECT_TRUE(CertificateTable::parse(builder.build()));
}

TEST(CertificateTable, CountsPagesWithoutOneTooMany) {
  EXPECT_EQ(pages_for(0), 0U);
  EXPECT_EQ(pages_for(1), 1U);
  EXPECT_EQ(pages_for(4095), 1U);
  EXPECT_EQ(pages_for(4096), 1U);
  EXPECT_EQ(pages_for(4097), 2U);
  EXPECT_EQ(pages_for(16384), 4U);
}

}  // namespace
}  // namespace extreq::attestation
