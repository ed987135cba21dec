#include "fleet/report_tokens.hpp"

#include <algorithm>
#include <sstream>

#include <sys/stat.h>

#include "base/file.hpp"
#include "base/try.hpp"

namespace extreq::fleet {
namespace {

constexpr std::size_t file_max = 1U << 16U;
constexpr std::string_view scheme = "Bearer ";

// RFC 6750 section 2.1, b64token.
bool is_token(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
  };
  return text.size() >= ReportTokens::shortest && text.size() <= ReportTokens::longest &&
         std::ranges::all_of(text, allowed);
}

Result<std::vector<std::string>> tokens_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail_errno("the tokens' file {}", path);
  if ((info.st_mode & S_IRWXO) != 0) {
    return fail(Code::invalid_input, "the tokens' file {} has mode {:o}: others may use it", path,
                info.st_mode & 0777U);
  }
  EXTREQ_TRY_ASSIGN(const Bytes content, read_file(path, file_max));
  std::istringstream lines(std::string(content.begin(), content.end()));
  std::vector<std::string> tokens;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line.starts_with('#')) continue;
    if (!is_token(line)) {
      return fail(Code::invalid_input,
                  "{}: line {}: no token: {} to {} letters, digits and -._~+/= are wanted", path,
                  number, ReportTokens::shortest, ReportTokens::longest);
    }
    tokens.push_back(line);
  }
  if (tokens.empty()) return fail(Code::invalid_input, "the tokens' file {} has none", path);
  return tokens;
}

}  // namespace

Result<ReportTokens> ReportTokens::load(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const auto tokens, tokens_of(path));
  std::vector<crypto::Sha256Digest> digests;
  digests.reserve(tokens.size());
  for (const std::string& token : tokens) digests.push_back(crypto::sha256(to_bytes(token)));
  return ReportTokens(std::move(digests));
}

Result<std::string> ReportTokens::first(const std::string& path) {
  EXTREQ_TRY_ASSIGN(const auto tokens, tokens_of(path));
  return tokens.front();
}

bool ReportTokens::accept(std::string_view authorization) const {
  if (!authorization.starts_with(scheme)) return false;
  authorization.remove_prefix(scheme.size());
  if (authorization.size() > longest) return false;
  const auto digest = crypto::sha256(to_bytes(authorization));
  bool known = false;
  for (const auto& one : digests_) known = equal_constant_time(one, digest) || known;
  return known;
}

}  // namespace extreq::fleet
