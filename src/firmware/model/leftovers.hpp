// Leftovers: the temporary files that replace_file leaves beside a file if it is killed.
#pragma once

#include <string>

namespace extreq::firmware::model {

// Removes those of `path`, as far as the operating system lets it: they may hold secrets.
// The caller has the lock that all writers of `path` take, so nobody is writing one now.
void remove_leftovers(const std::string& path) noexcept;

}  // namespace extreq::firmware::model
