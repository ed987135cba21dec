// ReportTokens: who may put a host on the fleet's list: whoever knows one of a few secrets
// (RFC 6750, "Authorization: Bearer ..."). doc/fleet.md says what that is worth.
//
// Only the tokens' hashes are kept. Threading: const objects may be used from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.hpp"

namespace extreq::fleet {

class ReportTokens {
 public:
  static constexpr std::size_t shortest = 32;
  static constexpr std::size_t longest = 256;

  // One token in each line; what begins with # is a remark. Several, while one replaces another.
  // Failure: not_found, io; invalid_input: none, one that is too short or too long or not of
  // RFC 6750's characters, or a file that others than owner and group may read.
  [[nodiscard]] static Result<ReportTokens> load(const std::string& path);

  // The first token of such a file, for who reports. Failure: as load().
  [[nodiscard]] static Result<std::string> first(const std::string& path);

  // `authorization`: the header's value. The time it takes does not depend on what the tokens are.
  [[nodiscard]] bool accept(std::string_view authorization) const;

 private:
  explicit ReportTokens(std::vector<crypto::Sha256Digest> digests) : digests_(std::move(digests)) {}
  std::vector<crypto::Sha256Digest> digests_;
};

}  // namespace extreq::fleet
