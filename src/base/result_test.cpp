#include "base/result.hpp"

#include <gtest/gtest.h>

#include "base/try.hpp"

namespace extreq {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0)
    return fail(Code::invalid_input, "{} is odd, an even number is needed", value);
  return value / 2;
}

Result<int> quarter(int value) {
  EXTREQ_TRY(half(value));
  EXTREQ_TRY_ASSIGN(const int once, half(value));
  EXTREQ_TRY_ASSIGN(const int twice, half(once));
  return twice;
}

TEST(Result, TryHandsTheFirstFailureUpUnchanged) {
  EXPECT_EQ(quarter(8), 2);
  EXPECT_EQ(quarter(7).error().message, "7 is odd, an even number is needed");
  EXPECT_EQ(quarter(6).error().message, "3 is odd, an even number is needed");
}

TEST(Result, ErrnoChoosesTheCode) {
  const auto code = [](int error) {
    errno = error;
    return fail_errno("x {}", 1).value();
  };
  EXPECT_EQ(code(ENOENT).code, Code::not_found);
  EXPECT_EQ(code(EAGAIN).code, Code::busy);
  EXPECT_EQ(code(EINTR).code, Code::busy);
  EXPECT_EQ(code(EACCES).code, Code::io);
  EXPECT_EQ(code(EACCES).message, "x 1: Permission denied (errno 13)");
}

TEST(Result, EveryCodeHasAName) {
  for (int i = 0; i <= static_cast<int>(Code::closed); ++i) {
    EXPECT_STRNE(name(static_cast<Code>(i)), "unknown");
  }
}

}  // namespace
}  // namespace extreq
