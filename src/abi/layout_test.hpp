// For the tests of layouts: literals typed from the specifications beside what the headers say.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <ostream>
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

// Where a field is for somebody who only has the structure's bytes.
struct Place {
  std::size_t offset = 0;
  std::size_t size = 0;
  friend bool operator==(const Place&, const Place&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Place& place) {
    return out << "offset 0x" << std::hex << place.offset << std::dec << ", size " << place.size;
  }
};

// Found by filling the field of an otherwise zero structure, not by offsetof.
template <class Layout, class Field>
Place place(Field Layout::*field) {
  Layout layout;
  std::memset(static_cast<void*>(&layout), 0, sizeof(layout));
  std::memset(static_cast<void*>(&(layout.*field)), 0xA5, sizeof(Field));
  std::array<std::uint8_t, sizeof(Layout)> bytes{};
  std::memcpy(bytes.data(), &layout, sizeof(layout));
  Place found;
  while (found.offset < bytes.size() && bytes[found.offset] == 0) ++found.offset;
  while (found.offset + found.size < bytes.size() && bytes[found.offset + found.size] == 0xA5) {
    ++found.size;
  }
  return found;
}

struct FieldPlace {
  std::string_view name;
  Place found;
  Place wanted;
};

template <std::size_t N>
void expect_places(const FieldPlace (&fields)[N]) {
  for (const FieldPlace& field : fields) {
    EXPECT_EQ(field.found, field.wanted) << field.name;
  }
}

}  // namespace extreq::abi
