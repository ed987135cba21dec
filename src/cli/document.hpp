// A result as a document: written as JSON for programs or as indented lines for people, from the
// same fields, so that the two never say different things.
#pragma once

#include <nlohmann/json.hpp>

namespace extreq::cli {

using Document = nlohmann::ordered_json;

// One JSON value and a line feed on standard output. Bytes that are no UTF-8 (in names of files)
// are replaced.
void print_json(const Document& document);

// One line for each field; what an object or array holds is indented below its name. null is shown
// as "absent", true and false as "yes" and "no".
void print_text(const Document& document);

}  // namespace extreq::cli
