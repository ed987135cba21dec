// For the comparison with the system's headers.
#pragma once

#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

namespace extreq::abi {

struct Number {
  std::string_view name;
  std::uint64_t found;
  std::uint64_t wanted;
};

template <std::size_t N>
void expect_numbers(const Number (&numbers)[N]) {
  for (const Number& number : numbers) {
    EXPECT_EQ(number.found, number.wanted) << number.name;
  }
}

}  // namespace extreq::abi
