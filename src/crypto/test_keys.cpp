#include "crypto/test_keys.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/try.hpp"
#include "base/unique_fd.hpp"

namespace extreq::crypto {
namespace {

Status make_folder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), ignored);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("create the folder {}", folder);
  }
  return {};
}

// One process makes the key, the others wait for it at the lock and read it.
Result<RsaPrivateKey> load_or_generate(const std::string& folder, std::string_view role) {
  EXTREQ_TRY(make_folder(folder));
  const std::string path = fmt::format("{}/{}.pem", folder, role);
  const std::string lock_path = path + ".lock";
  const UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail_errno("open {}", lock_path);
  while (::flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock {}", lock_path);
  }
  auto key = RsaPrivateKey::load(path);
  if (key || key.error().code != Code::not_found) return key;
  key = RsaPrivateKey::generate();
  if (key) EXTREQ_TRY(key->save(path));
  return key;
}

}  // namespace

const RsaPrivateKey& test_rsa_key(std::string_view role) {
  static std::mutex mutex;
  static std::map<std::string, RsaPrivateKey, std::less<>> keys;
  const std::lock_guard lock(mutex);
  if (const auto found = keys.find(role); found != keys.end()) return found->second;
  // No thread of a test program sets environment variables.
  const char* const folder = std::getenv("EXTREQ_TEST_KEYS");  // NOLINT(concurrency-mt-unsafe)
  auto key = folder != nullptr && *folder != '\0' ? load_or_generate(folder, role)
                                                  : RsaPrivateKey::generate();
  if (!key) throw std::runtime_error("test key " + std::string(role) + ": " + key.error().message);
  return keys.emplace(role, *std::move(key)).first->second;
}

}  // namespace extreq::crypto
