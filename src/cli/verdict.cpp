#include "cli/verdict.hpp"

#include "cli/exit_code.hpp"

namespace extreq::cli {

using attestation::Verdict;

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::genuine:
      return "genuine";
    case Verdict::not_acceptable:
      return "not_acceptable";
    case Verdict::not_genuine:
      break;
  }
  return "not_genuine";
}

int exit_code_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::genuine:
      return exit_ok;
    case Verdict::not_acceptable:
      return exit_not_acceptable;
    case Verdict::not_genuine:
      break;
  }
  return exit_not_genuine;
}

}  // namespace extreq::cli
