// KernelImage: a kernel file read, unpacked and scanned: all that loading it needs.
#pragma once

#include <string>

#include "machine/bzimage.hpp"
#include "machine/decompress.hpp"
#include "machine/elf_image.hpp"
#include "machine/site_table.hpp"

namespace extreq::machine {

class KernelImage {
 public:
  // Effect: reads a bzImage, unpacks its vmlinux and scans it. The sites are not judged: that is
  // check_sites().
  // Failure: as read_file, read_bzimage, decompress, read_elf and scan_sites, with the path.
  [[nodiscard]] static Result<KernelImage> open(const std::string& path);
  ~KernelImage() = default;
  KernelImage(const KernelImage&) = delete;
  KernelImage& operator=(const KernelImage&) = delete;
  KernelImage(KernelImage&&) noexcept = default;
  KernelImage& operator=(KernelImage&&) noexcept = default;

  [[nodiscard]] const BzImage& file() const noexcept { return file_; }
  [[nodiscard]] Compression compression() const noexcept { return compression_; }
  [[nodiscard]] const ElfImage& vmlinux() const noexcept { return vmlinux_; }
  [[nodiscard]] const SiteTable& sites() const noexcept { return sites_; }
  // "6.1.0-56-amd64": the first word of the version, the name of its folder of modules.
  [[nodiscard]] std::string release() const;

 private:
  KernelImage() = default;

  // Views of the other members point into these two.
  Bytes file_bytes_;
  Bytes vmlinux_bytes_;
  BzImage file_;
  Compression compression_ = Compression::none;
  ElfImage vmlinux_;
  SiteTable sites_;
};

}  // namespace extreq::machine
