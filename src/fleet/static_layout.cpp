#include "fleet/static_layout.hpp"

#include <filesystem>

#include "base/file.hpp"
#include "base/try.hpp"
#include "host/kds_path.hpp"

namespace extreq::fleet {

Result<std::string> StaticLayout::path_of(const host::CertificateKey& key) const {
  if (key.kind != host::KeyKind::vcek) {
    return fail(Code::unsupported, "a VLEK has no file in the layout");
  }
  EXTREQ_TRY_ASSIGN(const std::string path, host::kds_path({host::KdsObject::leaf, key}));
  return folder_ + path;
}

Status StaticLayout::publish(const host::CertificateKey& key,
                             const crypto::Certificate& leaf) const {
  EXTREQ_TRY_ASSIGN(const std::string path, path_of(key));
  std::error_code problem;
  if (std::filesystem::exists(path, problem)) return {};
  const auto folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, problem);
  if (problem) {
    return fail(Code::io, "make the folder {}: {}", folder.string(), problem.message());
  }
  constexpr unsigned for_the_web_server = 0644;
  return replace_file(path, leaf.der(), for_the_web_server);
}

}  // namespace extreq::fleet
