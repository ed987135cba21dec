#include "cli/document.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace extreq::cli {
namespace {

std::string value_text(const Document& value) {
  if (value.is_null()) return "absent";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  return value.dump();
}

bool is_nested(const Document& value) {
  return (value.is_object() || value.is_array()) && !value.empty();
}

void print_level(const Document& document, std::size_t indent);

void print_field(const std::string& name, const Document& value, std::size_t indent,
                 std::size_t width) {
  if (is_nested(value)) {
    fmt::print("{:{}}{}\n", "", indent, name);
    print_level(value, indent + 2);
  } else if (value.is_structured()) {
    fmt::print("{:{}}{:<{}}  none\n", "", indent, name, width);
  } else {
    fmt::print("{:{}}{:<{}}  {}\n", "", indent, name, width, value_text(value));
  }
}

void print_level(const Document& document, std::size_t indent) {
  std::size_t width = 0;
  for (const auto& [name, value] : document.items()) {
    if (!is_nested(value)) width = std::max(width, name.size());
  }
  for (const auto& [name, value] : document.items()) {
    print_field(name, value, indent, width);
  }
}

}  // namespace

void print_json(const Document& document) {
  fmt::print("{}\n", document.dump(2, ' ', false, Document::error_handler_t::replace));
}

void print_text(const Document& document) { print_level(document, 0); }

}  // namespace extreq::cli
