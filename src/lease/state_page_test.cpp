#include "lease/state_page.hpp"

#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

class StatePageTest : public test::FolderTest {
 protected:
  std::string page() const { return state_page_path(blob()); }
};

TEST_F(StatePageTest, WithoutAPageThereIsNone) {
  EXPECT_FALSE(StatePageReader::open(page()));
  const auto writer = StatePageWriter::open(page());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::not_found);
}

TEST_F(StatePageTest, ANewPageWarnsNobodyAndLetsNobodyKeepCopies) {
  ASSERT_TRUE(StatePageWriter::create(page()));
  const auto reader = StatePageReader::open(page());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->writer_waiting_until().time_since_epoch(), Clock::Duration::zero());
  EXPECT_FALSE(reader->cacheable_generation());
}

TEST_F(StatePageTest, TheSizeAndTheFirstBytesAreTheDocumentedOnes) {
  ASSERT_TRUE(StatePageWriter::create(page()));
  const Bytes bytes = *read_file(page());
  ASSERT_EQ(bytes.size(), 4096U);
  EXPECT_EQ(Bytes(bytes.begin(), bytes.begin() + 8), to_bytes("EXTREQST"));
  EXPECT_EQ(bytes[8], 1);
  EXPECT_EQ(bytes[0x10] & 1, 0);  // generation: even
}

TEST_F(StatePageTest, AnAnnouncementReachesReadersAndIsWithdrawn) {
  auto writer = StatePageWriter::create(page());
  ASSERT_TRUE(writer);
  const auto reader = StatePageReader::open(page());
  ASSERT_TRUE(reader);
  const Clock::TimePoint until(std::chrono::seconds(77));
  writer->announce(until);
  EXPECT_EQ(reader->writer_waiting_until(), until);
  writer->withdraw();
  EXPECT_LT(reader->writer_waiting_until(), until);
}

TEST_F(StatePageTest, CopiesMayBeKeptFromOneChangeToTheNextIfAllWritersKeepThePage) {
  auto writer = StatePageWriter::create(page());
  ASSERT_TRUE(writer);
  const auto reader = StatePageReader::open(page());
  ASSERT_TRUE(reader);
  writer->begin_change();
  EXPECT_FALSE(reader->cacheable_generation());
  writer->end_change(true);
  const auto first = reader->cacheable_generation();
  ASSERT_TRUE(first);
  EXPECT_EQ(reader->cacheable_generation(), first);
  writer->begin_change();
  EXPECT_FALSE(reader->cacheable_generation());
  writer->end_change(true);
  ASSERT_TRUE(reader->cacheable_generation());
  EXPECT_NE(reader->cacheable_generation(), first);
  writer->begin_change();
  writer->end_change(false);
  EXPECT_FALSE(reader->cacheable_generation());
}

TEST_F(StatePageTest, AChangeThatADeadWriterLeftIsNotTakenForDone) {
  auto dead = StatePageWriter::create(page());
  ASSERT_TRUE(dead);
  const auto reader = StatePageReader::open(page());
  ASSERT_TRUE(reader);
  dead->begin_change();
  dead->end_change(true);
  const auto before = reader->cacheable_generation();
  dead->begin_change();
  auto next = StatePageWriter::open(page());
  ASSERT_TRUE(next);
  EXPECT_FALSE(reader->cacheable_generation());
  next->begin_change();
  EXPECT_FALSE(reader->cacheable_generation());
  next->end_change(true);
  ASSERT_TRUE(reader->cacheable_generation());
  EXPECT_NE(reader->cacheable_generation(), before);
}

TEST_F(StatePageTest, ADamagedPageIsNoPageForReadersAndIsMadeAnewByWriters) {
  for (const Bytes& damaged : {Bytes{}, Bytes(4095, 0), Bytes(4096, 0), Bytes(5000, 0xFF)}) {
    ASSERT_TRUE(replace_file(page(), damaged, 0600));
    EXPECT_FALSE(StatePageReader::open(page())) << damaged.size();
    const auto writer = StatePageWriter::open(page());
    ASSERT_FALSE(writer) << damaged.size();
    EXPECT_EQ(writer.error().code, Code::invalid_input) << damaged.size();
    ASSERT_TRUE(StatePageWriter::create(page()));
    EXPECT_TRUE(StatePageWriter::open(page()));
    EXPECT_TRUE(StatePageReader::open(page()));
  }
}

TEST_F(StatePageTest, APageOfAnotherVersionIsIgnoredByReadersAndRefusedByWriters) {
  ByteBuilder bytes;
  bytes.u64(StatePageLayout::magic_value).u32(2).zeros(4096 - 12);
  ASSERT_TRUE(replace_file(page(), bytes.view(), 0600));
  EXPECT_FALSE(StatePageReader::open(page()));
  const auto writer = StatePageWriter::open(page());
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::unsupported);
}

TEST_F(StatePageTest, TwoNewPagesDoNotShareAGeneration) {
  const auto generation = [this] {
    EXPECT_TRUE(StatePageWriter::create(page()));
    const Bytes bytes = *read_file(page());
    return Bytes(bytes.begin() + 0x10, bytes.begin() + 0x18);
  };
  EXPECT_NE(generation(), generation());
}

}  // namespace
}  // namespace extreq::lease
