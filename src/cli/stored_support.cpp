#include "cli/stored_support.hpp"

#include <filesystem>
#include <system_error>

#include "base/try.hpp"
#include "host/store_sqlite.hpp"

namespace extreq::cli {

Result<StoredSupport> read_stored_support(const std::string& path) {
  std::error_code ignored;  // what cannot be looked at cannot be opened: said there
  if (!std::filesystem::exists(path, ignored)) {
    return fail(Code::not_found, "{}: there is no store of certificates", path);
  }
  EXTREQ_TRY_ASSIGN(const auto store, host::SqliteStore::open(path));
  EXTREQ_TRY_ASSIGN(const auto content, store->content());
  StoredSupport support;
  for (const auto& leaf : content.leaves) support.certificates.push_back(leaf.certificate);
  for (const auto& authority : content.authorities) {
    support.certificates.push_back(authority.certificate);
  }
  for (const auto& crl : content.crls) {
    auto list = crypto::RevocationList::from_pem_or_der(crl.der);
    if (!list) return fail(list.error().code, "{}: {}", path, list.error().message);
    support.lists.emplace_back(*std::move(list), host::signing_key(crl.kind));
  }
  return support;
}

}  // namespace extreq::cli
