// The lines of `host status` and `doctor` as output.
#pragma once

#include <string_view>

#include "cli/document.hpp"
#include "host/check_line.hpp"

namespace extreq::cli {

// [{"name", "value", "verdict": "fact" | "well" | "bad", "remedy"}, ...]: a remedy if it is bad.
[[nodiscard]] Document to_document(const host::CheckLines& lines);

// "name  value", with "BAD" before and the remedy below what is bad.
void print_check_lines(std::string_view title, const host::CheckLines& lines);

}  // namespace extreq::cli
