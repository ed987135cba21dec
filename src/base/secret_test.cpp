#include "base/secret.hpp"

#include <new>

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace extreq {
namespace {

TEST(Secret, MovingLeavesZerosBehind) {
  const std::array<std::uint8_t, 4> key{1, 2, 3, 4};
  Secret<4> a{std::span<const std::uint8_t, 4>(key)};
  Secret<4> b(std::move(a));
  EXPECT_TRUE(all_zero(a.view()));  // NOLINT(bugprone-use-after-move): that is the test
  EXPECT_TRUE(equal_constant_time(b.view(), key));
  a = std::move(b);
  EXPECT_TRUE(all_zero(b.view()));  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(equal_constant_time(a.clone().view(), key));
}

TEST(Secret, TheDestructorWipesTheBytes) {
  alignas(Secret<16>) std::array<std::uint8_t, sizeof(Secret<16>)> storage{};
  auto* secret = new (storage.data()) Secret<16>();
  secret->mutable_view()[7] = 0xAA;
  EXPECT_FALSE(all_zero(storage));
  secret->~Secret();
  EXPECT_TRUE(all_zero(storage));
}

}  // namespace
}  // namespace extreq
