#include "machine/kernel_image.hpp"

#include "base/file.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t file_limit = std::size_t{256} << 20U;
constexpr std::size_t vmlinux_limit = std::size_t{1} << 30U;

}  // namespace

Result<KernelImage> KernelImage::open(const std::string& path) {
  const auto named = [&path](const Error& error) {
    return tl::unexpected(Error{error.code, path + ": " + error.message});
  };
  auto bytes = read_file(path, file_limit);
  if (!bytes) return tl::unexpected(bytes.error());
  KernelImage image;
  image.file_bytes_ = *std::move(bytes);
  auto file = read_bzimage(image.file_bytes_);
  if (!file) return named(file.error());
  image.file_ = *std::move(file);
  image.compression_ = compression_of(image.file_.payload);
  auto unpacked = decompress(image.file_.payload, vmlinux_limit);
  if (!unpacked) return named(unpacked.error());
  image.vmlinux_bytes_ = *std::move(unpacked);
  auto vmlinux = read_elf(image.vmlinux_bytes_);
  if (!vmlinux) return named(vmlinux.error());
  image.vmlinux_ = *std::move(vmlinux);
  auto sites = scan_sites(image.vmlinux_);
  if (!sites) return named(sites.error());
  image.sites_ = *std::move(sites);
  return image;
}

std::string KernelImage::release() const {
  return file_.version.substr(0, file_.version.find(' '));
}

}  // namespace extreq::machine
