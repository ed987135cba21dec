// kill -9 at every step of the service's turn: at each entry into and return from a system call.
// Readers get the old table, the empty one or the new one, never a torn one; the next service
// mends whatever was left.
#include <map>

#include <unistd.h>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "base/traced_child_test_tool.hpp"
#include "host/service.hpp"
#include "host/test_platform.hpp"
#include "lease/state_page.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

class ServiceCrashTest : public testing::Test {
 protected:
  ServiceCrashTest() {
    for (const auto& tcb : {tcb_old, tcb_new}) {
      const auto raw = attestation::encode_tcb(tcb);
      SigningState state = read_signing_state(platform_.processor()).value();
      state.reported_tcb = raw;
      tables_[raw] = platform_.provider()(state).value();
    }
  }

  [[nodiscard]] const Bytes& table(const attestation::Tcb& tcb) const {
    return tables_.at(attestation::encode_tcb(tcb));
  }
  // Fits as well, and is another one.
  [[nodiscard]] static Bytes without_root(const Bytes& table) {
    attestation::CertificateTableBuilder builder;
    const auto parsed = attestation::CertificateTable::parse(table);
    for (const auto& entry : parsed->entries()) {
      if (entry.guid == abi::ghcb::certificate_table::guid_ark) continue;
      EXPECT_TRUE(builder.add(entry.guid, entry.data));
    }
    return builder.build();
  }

  // What `extreq host serve` does at its start.
  void turn() {
    lease::BlobWriter writer(platform_.blob());
    Service service(writer, platform_.processor(), [this](const SigningState& state) {
      return Result<Bytes>(tables_.at(state.reported_tcb));
    });
    service.step();
    healthy_ = service.healthy();
  }

  // The kinds of tables that readers saw after a kill.
  struct Seen {
    int missing = 0;
    int old_table = 0;
    int empty = 0;
    int new_table = 0;
  };
  Seen kill_at_every_step(const std::function<void()>& prepare, const Bytes& old_table,
                          const Bytes& new_table) {
    Seen seen;
    bool ended = false;
    for (int step = 1; !ended && !HasFailure(); ++step) {
      prepare();
      {
        extreq::test::TracedChild child([this] { turn(); });
        for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
      }
      const auto holder = lease::BlobSource(platform_.blob()).open_holder().value();
      const auto found = holder->acquire(0s);
      if (!found) {
        ++seen.missing;
        EXPECT_EQ(found.error().code, Code::not_found) << step << ": " << found.error().message;
      } else if (found->empty()) {
        ++seen.empty;
      } else if (std::ranges::equal(*found, old_table)) {
        ++seen.old_table;
      } else {
        ++seen.new_table;
        EXPECT_TRUE(std::ranges::equal(*found, new_table)) << "torn at step " << step;
      }
      holder->release();
      turn();
      EXPECT_TRUE(healthy_) << "after step " << step;
      EXPECT_EQ(platform_.served(), new_table) << "after step " << step;
    }
    return seen;
  }

  TestPlatform platform_;
  std::map<std::uint64_t, Bytes> tables_;
  bool healthy_ = false;
};

TEST_F(ServiceCrashTest, ATableForAnotherKeyIsWithdrawnBeforeTheNewOneIsWritten) {
  const auto prepare = [this] {
    ASSERT_TRUE(platform_.report_tcb(tcb_old));
    turn();
    ASSERT_TRUE(platform_.report_tcb(tcb_new));
  };
  const Seen seen = kill_at_every_step(prepare, table(tcb_old), table(tcb_new));
  EXPECT_EQ(seen.missing, 0);
  EXPECT_GT(seen.old_table, 5);
  EXPECT_GT(seen.empty, 5);
  EXPECT_GT(seen.new_table, 2);
}

TEST_F(ServiceCrashTest, AMissingBlobIsMade) {
  const auto prepare = [this] {
    ::unlink(platform_.blob().c_str());
    ::unlink(lease::state_page_path(platform_.blob()).c_str());
  };
  const Seen seen = kill_at_every_step(prepare, {}, table(tcb_old));
  EXPECT_EQ(seen.old_table, 0);
  EXPECT_GT(seen.missing, 2);
  EXPECT_GT(seen.empty, 5);
  EXPECT_GT(seen.new_table, 2);
}

TEST_F(ServiceCrashTest, ARenewedTableReplacesOneThatFits) {
  const Bytes full = table(tcb_old);
  const Bytes renewed = without_root(full);
  const auto raw = attestation::encode_tcb(tcb_old);
  const auto prepare = [&] {
    tables_[raw] = full;
    turn();
    tables_[raw] = renewed;
  };
  const Seen seen = kill_at_every_step(prepare, full, renewed);
  EXPECT_EQ(seen.missing, 0);
  EXPECT_GT(seen.old_table, 5);
  EXPECT_GT(seen.empty, 2);
  EXPECT_GT(seen.new_table, 2);
}

}  // namespace
}  // namespace extreq::host
