// EXTREQ_TRY and EXTREQ_TRY_ASSIGN: hand a failure to the caller in one line.
//
//   EXTREQ_TRY(store.open(path));                       // returns the Error of a failed call
//   EXTREQ_TRY_ASSIGN(const auto table, read(path));    // or binds the value
//
// They are macros because C++20 has no other way to return from the caller.
#pragma once

#include <utility>

#include <tl/expected.hpp>

#define EXTREQ_TRY_CONCAT_INNER(a, b) a##b
#define EXTREQ_TRY_CONCAT(a, b) EXTREQ_TRY_CONCAT_INNER(a, b)

#define EXTREQ_TRY(expression)                                 \
  do {                                                         \
    if (auto extreq_status = (expression); !extreq_status) {   \
      return tl::unexpected(std::move(extreq_status).error()); \
    }                                                          \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define EXTREQ_TRY_ASSIGN_AS(temporary, declaration, expression)         \
  auto temporary = (expression);                                         \
  if (!(temporary)) return tl::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
// NOLINTEND(bugprone-macro-parentheses)

#define EXTREQ_TRY_ASSIGN(declaration, expression) \
  EXTREQ_TRY_ASSIGN_AS(EXTREQ_TRY_CONCAT(extreq_result_, __LINE__), declaration, expression)
