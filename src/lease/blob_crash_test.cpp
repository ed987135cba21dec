// kill -9 at every step of an update: at each entry into and return from a system call.
#include <fcntl.h>

#include "base/file.hpp"
#include "base/traced_child_test_tool.hpp"
#include "lease/blob_source.hpp"
#include "lease/blob_writer.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

constexpr Clock::Duration none = Clock::Duration::zero();

class BlobCrashTest : public test::FolderTest {
 protected:
  void publish(const Bytes& table) {
    BlobWriterOptions options;
    options.sole_writer = true;
    BlobWriter writer(blob(), options);
    auto update = writer.begin(none);
    ASSERT_TRUE(update) << update.error().message;
    ASSERT_TRUE(update->publish(table));
  }

  // The command: its trace in the file system says that the key may have changed.
  void update_in_child(const Bytes& table) const {
    BlobWriterOptions options;
    options.sole_writer = true;
    BlobWriter writer(blob(), options);
    auto update = writer.begin(none);
    if (!update || !update->tombstone()) ::_exit(1);
    ::close(::open(path("key-changed").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!update->publish(table)) ::_exit(1);
  }

  [[nodiscard]] bool key_changed() const {
    return ::access(path("key-changed").c_str(), F_OK) == 0;
  }

  // Kills the updater after its first stop, its second, ... and looks at what readers see each
  // time. Gives how often it was killed.
  void kill_at_every_step(const Bytes& old_table, const Bytes& new_table) {
    const auto lasting_reader = *BlobSource(blob()).open_holder();
    int seen_old = 0;
    int seen_empty = 0;
    int seen_new = 0;
    bool ended = false;
    for (int step = 1; !ended; ++step) {
      ASSERT_LT(step, 1000);
      ::unlink(path("key-changed").c_str());
      publish(old_table);
      // So that it has a copy of the old table to be tempted by.
      ASSERT_TRUE(lasting_reader->acquire(none));
      lasting_reader->release();
      {
        extreq::test::TracedChild child([&] { update_in_child(new_table); });
        for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
      }
      const auto new_reader = *BlobSource(blob()).open_holder();
      for (Holder* reader : {lasting_reader.get(), new_reader.get()}) {
        const auto table = reader->acquire(none);
        ASSERT_TRUE(table) << "step " << step << ": " << table.error().message;
        const Bytes bytes = test::copy(*table);
        if (bytes == old_table) {
          ++seen_old;
          EXPECT_FALSE(key_changed()) << "stale at step " << step;
        } else if (bytes.empty()) {
          ++seen_empty;
        } else {
          ++seen_new;
          EXPECT_EQ(bytes, new_table) << "torn at step " << step;
          EXPECT_TRUE(key_changed());
        }
        reader->release();
      }
      if (HasFailure()) return;
    }
    EXPECT_GT(seen_old, 0);
    EXPECT_GT(seen_empty, 0);
    EXPECT_GT(seen_new, 0);
  }
};

TEST_F(BlobCrashTest, AfterAKillAtAnyStepReadersSeeTheOldTheEmptyOrTheNewTable) {
  kill_at_every_step(test::table_of(1, 3000), test::table_of(2, 5000));
}

TEST_F(BlobCrashTest, TheSameIfTheNewTableIsShorter) {
  kill_at_every_step(test::table_of(1, 9000), test::table_of(2, 100));
}

TEST_F(BlobCrashTest, AKillWhileFileAndStatePageAreMadeLeavesWhatTheNextWriterMends) {
  bool ended = false;
  for (int step = 1; !ended; ++step) {
    ASSERT_LT(step, 1000);
    ::unlink(blob().c_str());
    ::unlink(state_page_path(blob()).c_str());
    {
      extreq::test::TracedChild child([&] { update_in_child(test::table_of(2, 500)); });
      for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
    }
    const auto reader = *BlobSource(blob()).open_holder();
    const auto table = reader->acquire(none);
    if (table) {
      EXPECT_TRUE(table->empty() || test::fill_of(*table) == 2) << step;
    } else {
      EXPECT_EQ(table.error().code, Code::not_found) << step;
    }
    reader->release();
    publish(test::table_of(3, 700));
    const auto mended = reader->acquire(none);
    ASSERT_TRUE(mended) << step << ": " << mended.error().message;
    EXPECT_EQ(test::fill_of(*mended), 3) << step;
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace extreq::lease
