#include "machine/exit_name.hpp"

#include <gtest/gtest.h>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"

namespace extreq::machine {
namespace {

TEST(ExitName, NamesRequestsAndEvents) {
  namespace ghcb = abi::ghcb;
  Bytes bytes(2 * ghcb::page_size);
  hypervisor::GuestMemory memory;
  ASSERT_TRUE(memory.add_region(0, bytes, hypervisor::PageState::shared));
  ASSERT_TRUE(memory.set_state(0, 1, hypervisor::PageState::private_page));
  const Bytes code = ByteBuilder().u64(ghcb::event::extended_guest_request).take();
  ASSERT_TRUE(memory.write(ghcb::page_size + offsetof(abi::ghcb::Page, sw_exitcode), code));
  EXPECT_EQ(exit_name(ghcb::page_size, memory), "extended guest request");
  const Bytes answer = ByteBuilder().u64(0).u64(std::uint64_t{1} << 32U).take();
  ASSERT_TRUE(memory.write(ghcb::page_size + offsetof(abi::ghcb::Page, sw_exitinfo1), answer));
  EXPECT_EQ(exit_answer(ghcb::page_size, memory), "SW_EXITINFO1 0x0, SW_EXITINFO2 0x100000000");
  EXPECT_EQ(exit_answer(0, memory), "");
  EXPECT_EQ(exit_name(0, memory), "GHCB that is not shared");
  EXPECT_EQ(exit_name(ghcb::msr::info_sev_info_request, memory), "SEV information");
  EXPECT_EQ(exit_name(0x5FE, memory), "MSR request 0x5fe");
}

}  // namespace
}  // namespace extreq::machine
