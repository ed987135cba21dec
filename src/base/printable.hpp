// Text that somebody else chose, for messages: no byte of it can steer a terminal.
//
// Threading: a pure function.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace extreq {

// What is not printable ASCII becomes '?'; of more than `longest` characters the rest "...".
[[nodiscard]] inline std::string printable(std::string_view text, std::size_t longest = 32) {
  std::string result(text.substr(0, longest));
  std::ranges::replace_if(
      result, [](char c) { return c < ' ' || c > '~'; }, '?');
  if (text.size() > longest) result += "...";
  return result;
}

}  // namespace extreq
