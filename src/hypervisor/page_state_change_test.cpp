#include <cstring>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/byte_builder.hpp"
#include "hypervisor/shared_copy.hpp"
#include "hypervisor/test_vm.hpp"

namespace extreq::hypervisor {
namespace {

namespace kvm = abi::kvm;
using abi::ghcb::Page;
namespace psc = abi::ghcb::page_state_change;
using psc::Entry;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t buffer_gpa = TestVm::ghcb_gpa + 0x800;
constexpr std::uint8_t to_private = 1;
constexpr std::uint8_t to_shared = 2;
constexpr std::uint64_t flag_2m = 1;
constexpr std::uint64_t flag_encrypted = 1U << 4;
constexpr std::uint64_t invalid_header = std::uint64_t{1} << 32 | 1;
constexpr std::uint64_t invalid_entry = std::uint64_t{1} << 32 | 2;
constexpr std::uint64_t generic = std::uint64_t{0x100} << 32;

struct Exit {
  std::uint64_t gpa;
  std::uint64_t npages;
  std::uint64_t flags;
  friend bool operator==(const Exit&, const Exit&) = default;
};
void PrintTo(const Exit& exit, std::ostream* out) {
  *out << std::hex << exit.gpa << '+' << exit.npages << " flags " << exit.flags;
}

class PageStateChangeTest : public testing::Test {
 protected:
  explicit PageStateChangeTest(const VmConfig& config = {}) : vm_(config) {}

  // The guest asks for these entries; its buffer lies at `scratch` in the GHCB.
  void begin(std::uint16_t cur, std::uint16_t end, const std::vector<std::uint64_t>& entries,
             std::uint64_t scratch = buffer_gpa) {
    vm_.then_event(abi::ghcb::event::page_state_change, 0, 0, [=](GuestGhcb& ghcb) {
      ghcb.set(offsetof(Page, sw_scratch), scratch);
      ByteBuilder bytes;
      bytes.u16(cur).u16(end).u32(0);
      for (const std::uint64_t entry : entries) bytes.u64(entry);
      ghcb.write(scratch - ghcb.gpa(), bytes.view());
    });
  }
  void begin(const std::vector<Entry>& entries) {
    std::vector<std::uint64_t> raw;
    for (const Entry& entry : entries) raw.push_back(psc::encode_entry(entry));
    begin(0, static_cast<std::uint16_t>(entries.size() - 1), raw);
  }

  // Serves every exit until the guest has its answer. `refuse`: the exit that gets an error.
  std::vector<Exit> serve(std::size_t refuse = 1000) {
    std::vector<Exit> exits;
    int result = vm_.run_to_answer();
    while (result == 0) {
      EXPECT_EQ(vm_.run_area().exit_reason, kvm::exit_hypercall);
      kvm::ExitHypercall& exit = vm_.run_area().exit.hypercall;
      EXPECT_EQ(exit.nr, kvm::hc_map_gpa_range);
      EXPECT_EQ(exit.ret, 0U);
      exits.push_back({exit.args[0], exit.args[1], exit.args[2]});
      if (exits.size() > refuse) exit.ret = EINVAL;
      if (exits.size() > 1000) break;
      result = vm_.vcpu->run();
    }
    EXPECT_EQ(result, -EINTR);
    EXPECT_EQ(vm_.exit_info_1(), 0U) << "a page state change is never malformed once it began";
    return exits;
  }

  [[nodiscard]] std::uint64_t cur_entry() const { return vm_.ghcb.get(0x800) & 0xFFFF; }
  [[nodiscard]] std::uint64_t raw_entry(std::size_t index) const {
    return vm_.ghcb.get(0x808 + 8 * index);
  }
  [[nodiscard]] Entry entry(std::size_t index) const { return psc::decode_entry(raw_entry(index)); }
  [[nodiscard]] std::uint64_t answer() const { return vm_.exit_info_2(); }

  TestVm vm_;
};

class PageStateChangeWithoutExits : public PageStateChangeTest {
 protected:
  PageStateChangeWithoutExits() : PageStateChangeTest({.map_gpa_range_exits = false}) {}
};

TEST_F(PageStateChangeTest, OneEntryIsOneExit) {
  begin({{.gfn = 5, .operation = to_private}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x5000, 1, flag_encrypted}));
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 1U);
  EXPECT_EQ(entry(0).cur_page, 1U);
  EXPECT_EQ(entry(0).gfn, 5U);
}

TEST_F(PageStateChangeTest, NeighboursWithOneOperationAndSizeAreOneExit) {
  begin({{.gfn = 5, .operation = to_private},
         {.gfn = 6, .operation = to_private},
         {.gfn = 7, .operation = to_private},
         {.gfn = 8, .operation = to_shared},     // another operation
         {.gfn = 10, .operation = to_shared},    // a gap
         {.gfn = 9, .operation = to_shared},     // backwards
         {.gfn = 10, .operation = to_shared}});  // again
  EXPECT_THAT(serve(), ElementsAre(Exit{0x5000, 3, flag_encrypted}, Exit{0x8000, 1, 0},
                                   Exit{0xA000, 1, 0}, Exit{0x9000, 2, 0}));
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 7U);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(entry(i).cur_page, 1U) << i;
}

TEST_F(PageStateChangeTest, Entries2MAreJoinedWithEachOtherButNotWith4K) {
  begin({{.gfn = 512, .operation = to_shared, .pagesize = 1},
         {.gfn = 1024, .operation = to_shared, .pagesize = 1},
         {.gfn = 1536, .operation = to_shared}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x200000, 1024, flag_2m}, Exit{0x600000, 1, 0}));
  EXPECT_EQ(entry(0).cur_page, 512U);
  EXPECT_EQ(entry(1).cur_page, 512U);
  EXPECT_EQ(entry(2).cur_page, 1U);
}

TEST_F(PageStateChangeTest, APartlyDone2MEntryGoesOnWhereItStoppedAndIsNotJoined) {
  begin({{.gfn = 512, .cur_page = 100, .operation = to_private, .pagesize = 1},
         {.gfn = 1024, .operation = to_private, .pagesize = 1},
         {.gfn = 924, .operation = to_private}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x264000, 412, flag_encrypted | flag_2m},
                                   Exit{0x400000, 512, flag_encrypted | flag_2m},
                                   Exit{0x39C000, 1, flag_encrypted}));
  EXPECT_EQ(entry(0).cur_page, 512U);
}

TEST_F(PageStateChangeTest, What4KFollowsAPartly2MEntryByItsRemainderIsNotJoinedEither) {
  // 512 + 412: where the joined range would end if what is left were counted from the entry's
  // start.
  begin({{.gfn = 512, .cur_page = 100, .operation = to_private, .pagesize = 1},
         {.gfn = 512 + 412, .operation = to_private}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x264000, 412, flag_encrypted | flag_2m},
                                   Exit{0x39C000, 1, flag_encrypted}));
}

TEST_F(PageStateChangeTest, EntriesThatAreDoneAreSkipped) {
  begin({{.gfn = 5, .cur_page = 1, .operation = to_private},
         {.gfn = 512, .cur_page = 512, .operation = to_private, .pagesize = 1},
         {.gfn = 7, .operation = to_private}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x7000, 1, flag_encrypted}));
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 3U);
}

TEST_F(PageStateChangeTest, AllEntriesDoneIsSuccessWithoutAnExit) {
  begin({{.gfn = 5, .cur_page = 1, .operation = to_private},
         {.gfn = 6, .cur_page = 1, .operation = to_private}});
  EXPECT_THAT(serve(), IsEmpty());
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 2U);
}

TEST_F(PageStateChangeTest, ADoneEntryEndsARange) {
  begin({{.gfn = 5, .operation = to_private},
         {.gfn = 6, .cur_page = 1, .operation = to_private},
         {.gfn = 7, .operation = to_private}});
  EXPECT_THAT(serve(),
              ElementsAre(Exit{0x5000, 1, flag_encrypted}, Exit{0x7000, 1, flag_encrypted}));
}

TEST_F(PageStateChangeTest, SmashUnsmashAndUnknownOperationsAreCountedAsDone) {
  begin({{.gfn = 512, .operation = 3, .pagesize = 1},
         {.gfn = 512, .operation = 4, .pagesize = 1},
         {.gfn = 5, .operation = to_private},
         {.gfn = 9, .operation = 0},
         {.gfn = 10, .operation = 15}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x5000, 1, flag_encrypted}));
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 5U);
  EXPECT_EQ(entry(0).cur_page, 512U);
  EXPECT_EQ(entry(1).cur_page, 512U);
  EXPECT_EQ(entry(4).cur_page, 1U);
}

TEST_F(PageStateChangeTest, ABadEntryIsAnErrorAndCurEntryPointsAtIt) {
  const Entry bad[] = {
      {.gfn = 513, .operation = to_private, .pagesize = 1},
      {.gfn = 5, .cur_page = 2, .operation = to_private},
      {.gfn = 512, .cur_page = 513, .operation = to_private, .pagesize = 1},
      {.gfn = 512, .cur_page = 0xFFF, .operation = to_private, .pagesize = 1},
  };
  for (const Entry& entry : bad) {
    SCOPED_TRACE(psc::encode_entry(entry));
    begin({{.gfn = 3, .cur_page = 1, .operation = to_private},
           {.gfn = 4, .operation = to_private},
           entry,
           {.gfn = 7, .operation = to_private}});
    EXPECT_THAT(serve(), ElementsAre(Exit{0x4000, 1, flag_encrypted}));
    EXPECT_EQ(answer(), invalid_entry);
    EXPECT_EQ(cur_entry(), 2U);
  }
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(PageStateChangeTest, ReservedBitsOfAnEntryAreIgnoredAndKept) {
  begin(0, 0, {std::uint64_t{0xFE} << 56 | psc::encode_entry({.gfn = 5, .operation = to_shared})});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x5000, 1, 0}));
  EXPECT_EQ(raw_entry(0), std::uint64_t{0xFE} << 56 |
                              psc::encode_entry({.gfn = 5, .cur_page = 1, .operation = to_shared}));
}

TEST_F(PageStateChangeTest, TheRequestStartsAtCurEntry) {
  begin(1, 1,
        {psc::encode_entry({.gfn = 5, .operation = to_shared}),
         psc::encode_entry({.gfn = 6, .operation = to_shared})});
  EXPECT_THAT(serve(), ElementsAre(Exit{0x6000, 1, 0}));
  EXPECT_EQ(entry(0).cur_page, 0U);
  EXPECT_EQ(cur_entry(), 2U);
}

TEST_F(PageStateChangeTest, CurEntryBeyondEndEntryIsSuccessWithoutAnExit) {
  for (const std::uint16_t cur :
       std::initializer_list<std::uint16_t>{2, 252, 253, 0x7FFF, 0xFFFF}) {
    begin(cur, 1, {psc::encode_entry({.gfn = 5, .operation = to_shared})});
    EXPECT_THAT(serve(), IsEmpty()) << cur;
    EXPECT_EQ(answer(), 0U);
    EXPECT_EQ(cur_entry(), cur);
  }
}

TEST_F(PageStateChangeTest, EndEntry253AndMoreIsAnInvalidHeaderWhateverCurEntryIs) {
  for (const std::uint16_t end : std::initializer_list<std::uint16_t>{253, 254, 0x7FFF, 0xFFFF}) {
    for (const std::uint16_t cur : {std::uint16_t{0}, end, std::uint16_t{0xFFFF}}) {
      begin(cur, end, {});
      EXPECT_THAT(serve(), IsEmpty());
      EXPECT_EQ(answer(), invalid_header) << cur << ' ' << end;
    }
  }
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(PageStateChangeTest, All253EntriesAreUsable) {
  std::vector<Entry> entries;
  for (std::uint64_t i = 0; i < 253; ++i) entries.push_back({.gfn = 2 * i, .operation = to_shared});
  begin(entries);
  const auto exits = serve();
  ASSERT_EQ(exits.size(), 253U);
  EXPECT_EQ(exits.back(), (Exit{504 * 0x1000, 1, 0}));
  EXPECT_EQ(answer(), 0U);
  EXPECT_EQ(cur_entry(), 253U);
}

TEST_F(PageStateChangeTest, TheLastFrameOfThePhysicalAddressSpaceIsPassedOn) {
  begin({{.gfn = 0xFFFFFFFE00, .operation = to_shared, .pagesize = 1}});
  EXPECT_THAT(serve(), ElementsAre(Exit{0xFFFFFFFE00000, 512, flag_2m}));
}

TEST_F(PageStateChangeTest, UserSpaceThatRefusesEndsTheRequestAtThatRange) {
  begin({{.gfn = 5, .operation = to_private},
         {.gfn = 8, .operation = to_private},
         {.gfn = 10, .operation = to_private}});
  EXPECT_EQ(serve(1).size(), 2U);
  EXPECT_EQ(answer(), generic);
  EXPECT_EQ(cur_entry(), 1U);
  EXPECT_EQ(entry(0).cur_page, 1U);
  EXPECT_EQ(entry(1).cur_page, 0U);
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(PageStateChangeWithoutExits, EveryRequestIsAGenericError) {
  begin({{.gfn = 5, .operation = to_private}});
  EXPECT_THAT(serve(), IsEmpty());
  EXPECT_EQ(answer(), generic);
  begin(0, 0xFFFF, {});
  EXPECT_THAT(serve(), IsEmpty());
  EXPECT_EQ(answer(), generic) << "before the header is looked at";
  EXPECT_EQ(cur_entry(), 0U);
}

TEST_F(PageStateChangeTest, AScratchAreaOutsideOfTheSharedBufferIsMalformed) {
  constexpr std::uint64_t ghcb = TestVm::ghcb_gpa;
  for (const std::uint64_t scratch :
       {std::uint64_t{0}, ghcb, ghcb + 0x7FF, ghcb + 0xFE9, ghcb + 0xFEF, ghcb + 0xFF0,
        TestVm::request_gpa, TestVm::private_gpa, TestVm::unmapped_gpa, TestVm::last_page_gpa,
        ~std::uint64_t{0}, ~std::uint64_t{0} - 7}) {
    SCOPED_TRACE(scratch);
    vm_.then_event(abi::ghcb::event::page_state_change, 0, 0,
                   [=](GuestGhcb& page) { page.set(offsetof(Page, sw_scratch), scratch); });
    EXPECT_EQ(vm_.run_to_answer(), -EINTR);
    EXPECT_EQ(vm_.malformed(), 3U);
  }
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(PageStateChangeTest, ABufferThatStartsLaterHasRoomForFewerEntries) {
  // 16 bytes before its end: a header and one entry.
  constexpr std::uint64_t scratch = TestVm::ghcb_gpa + 0xFE0;
  begin(0, 1, {psc::encode_entry({.gfn = 5, .operation = to_shared})}, scratch);
  EXPECT_THAT(serve(), IsEmpty());
  EXPECT_EQ(answer(), invalid_header);
  begin(0, 0, {psc::encode_entry({.gfn = 5, .operation = to_shared})}, scratch);
  EXPECT_THAT(serve(), ElementsAre(Exit{0x5000, 1, 0}));
  EXPECT_EQ(answer(), 0U);
  // A header and nothing else, and a buffer that is not aligned.
  begin(0, 0, {}, TestVm::ghcb_gpa + 0xFE8);
  EXPECT_THAT(serve(), IsEmpty());
  EXPECT_EQ(answer(), invalid_header);
  begin(0, 0, {psc::encode_entry({.gfn = 6, .operation = to_shared})}, buffer_gpa + 3);
  EXPECT_THAT(serve(), ElementsAre(Exit{0x6000, 1, 0}));
}

TEST_F(PageStateChangeTest, ABufferThatTheGuestRewritesBetweenExitsChangesNothing) {
  begin({{.gfn = 5, .operation = to_private}, {.gfn = 8, .operation = to_private}});
  ASSERT_EQ(vm_.vcpu->run(), 0);
  // Another vCPU of the guest: from the start again, and more, and elsewhere.
  ByteBuilder bytes;
  bytes.u16(0).u16(252).u32(0);
  for (int i = 0; i < 200; ++i) bytes.u64(psc::encode_entry({.gfn = 99, .operation = to_shared}));
  vm_.ghcb.write(0x800, bytes.view());
  ASSERT_EQ(vm_.vcpu->run(), 0);
  EXPECT_EQ(vm_.run_area().exit.hypercall.args[0], 0x8000U);
  EXPECT_EQ(vm_.run_area().exit.hypercall.args[2], flag_encrypted);
  EXPECT_EQ(vm_.run_to_answer(), -EINTR) << "there is no third range";
  EXPECT_EQ(answer(), 0U);
}

TEST_F(PageStateChangeTest, NoByteOfTheBufferIsFetchedTwiceOverAllItsExits) {
  begin({{.gfn = 5, .operation = to_private},
         {.gfn = 8, .operation = to_private},
         {.gfn = 512, .cur_page = 7, .operation = to_shared, .pagesize = 1},
         {.gfn = 7, .operation = 3}});
  EXPECT_EQ(serve().size(), 3U);
  EXPECT_THAT(vm_.log.bytes_read_again(), IsEmpty());
}

TEST_F(PageStateChangeTest, AGhcbThatIsMadePrivateByItsOwnRequestLosesItsAnswerAndNothingElse) {
  begin({{.gfn = TestVm::ghcb_gpa / 0x1000, .operation = to_private},
         {.gfn = 5, .operation = to_private}});
  ASSERT_EQ(vm_.vcpu->run(), 0);
  ASSERT_TRUE(vm_.memory.set_state(TestVm::ghcb_gpa, 1, PageState::private_page));
  const Bytes before(vm_.page_at(TestVm::ghcb_gpa).begin(), vm_.page_at(TestVm::ghcb_gpa).end());
  ASSERT_EQ(vm_.vcpu->run(), 0) << "the second range";
  EXPECT_EQ(vm_.run_to_answer(), -EINTR);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), vm_.page_at(TestVm::ghcb_gpa).begin()));
  ASSERT_TRUE(vm_.memory.set_state(TestVm::ghcb_gpa, 1, PageState::shared));
  EXPECT_TRUE(vm_.next_request_works());
}

TEST_F(PageStateChangeTest, ImmediateExitComesAfterTheLastRangeOnly) {
  begin({{.gfn = 5, .operation = to_private}, {.gfn = 8, .operation = to_private}});
  ASSERT_EQ(vm_.vcpu->run(), 0);
  vm_.run_area().immediate_exit = 1;
  EXPECT_EQ(vm_.vcpu->run(), 0) << "the completion armed itself again and left";
  EXPECT_EQ(vm_.run_area().exit.hypercall.args[0], 0x8000U);
  EXPECT_EQ(vm_.vcpu->run(), -EINTR);
  EXPECT_EQ(answer(), 0U) << "completed before the -EINTR";
}

}  // namespace
}  // namespace extreq::hypervisor
