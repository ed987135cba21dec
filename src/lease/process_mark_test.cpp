#include "lease/process_mark.hpp"

#include <sys/syscall.h>

#include "lease/lease_test_tools.hpp"

namespace extreq::lease {
namespace {

TEST(ProcessMark, HoldsInTheProcessThatMadeIt) {
  const ProcessMark first;
  const ProcessMark second;
  EXPECT_TRUE(first.here());
  EXPECT_TRUE(second.here());
  const ProcessMark copy = first;
  EXPECT_TRUE(copy.here());
}

TEST(ProcessMark, DoesNotHoldInAForkedChildButTheChildsOwnDoes) {
  const ProcessMark parent;
  EXPECT_EQ(test::in_child([&parent] {
              if (parent.here()) return 1;
              const ProcessMark child;
              if (parent.here()) return 2;
              return child.here() ? 0 : 3;
            }),
            0);
  EXPECT_TRUE(parent.here());
}

TEST(ProcessMark, AGrandchildIsNeitherParentNorChild) {
  const ProcessMark parent;
  EXPECT_EQ(test::in_child([&parent] {
              const ProcessMark child;
              return test::in_child([&parent, &child] {
                const ProcessMark grandchild;
                return !parent.here() && !child.here() && grandchild.here() ? 0 : 1;
              });
            }),
            0);
}

TEST(ProcessMark, AForkThatTheLibraryDoesNotSeeIsSeen) {
  const ProcessMark parent;
  const auto child = static_cast<pid_t>(::syscall(SYS_fork));
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(parent.here() ? 1 : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace extreq::lease
