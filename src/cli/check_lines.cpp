#include "cli/check_lines.hpp"

#include <fmt/format.h>

namespace extreq::cli {
namespace {

const char* verdict_text(host::Verdict verdict) {
  switch (verdict) {
    case host::Verdict::fact:
      return "fact";
    case host::Verdict::well:
      return "well";
    case host::Verdict::bad:
      return "bad";
  }
  return "";
}

const char* mark(host::Verdict verdict) {
  switch (verdict) {
    case host::Verdict::fact:
      return "";
    case host::Verdict::well:
      return "ok";
    case host::Verdict::bad:
      return "BAD";
  }
  return "";
}

}  // namespace

Document to_document(const host::CheckLines& lines) {
  Document array = Document::array();
  for (const auto& line : lines) {
    Document one = {
        {"name", line.name}, {"value", line.value}, {"verdict", verdict_text(line.verdict)}};
    if (line.verdict == host::Verdict::bad) one["remedy"] = line.remedy;
    array.push_back(std::move(one));
  }
  return array;
}

void print_check_lines(std::string_view title, const host::CheckLines& lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, line.name.size());
  if (!title.empty()) fmt::print("{}\n", title);
  for (const auto& line : lines) {
    fmt::print("{:<3}  {:<{}}  {}\n", mark(line.verdict), line.name, width, line.value);
    if (line.verdict == host::Verdict::bad && !line.remedy.empty()) {
      fmt::print("     {:<{}}  -> {}\n", "", width, line.remedy);
    }
  }
}

}  // namespace extreq::cli
