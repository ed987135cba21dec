#include "machine/memory_file.hpp"

#include <utility>

#include <sys/mman.h>

namespace extreq::machine {

Result<Mapping> Mapping::create(int fd, std::size_t size) {
  void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return fail_errno("map {} bytes of guest memory", size);
  return Mapping(MutableByteView(static_cast<std::uint8_t*>(address), size));
}

Mapping::Mapping(Mapping&& other) noexcept : view_(std::exchange(other.view_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    unmap();
    view_ = std::exchange(other.view_, {});
  }
  return *this;
}

void Mapping::unmap() noexcept {
  if (!view_.empty()) ::munmap(view_.data(), view_.size());
  view_ = {};
}

Result<UniqueFd> make_memory_file(const char* name, std::size_t size) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return fail_errno("create memory file {}", name);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return fail_errno("give memory file {} {} bytes", name, size);
  }
  return fd;
}

}  // namespace extreq::machine
