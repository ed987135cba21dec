#include "tests/soak/shared_state.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.hpp"

namespace extreq::soak {

Result<SharedState*> map_shared_state(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ::ftruncate(fd.get(), sizeof(SharedState)) != 0) return fail_errno("{}", path);
  void* const memory =
      ::mmap(nullptr, sizeof(SharedState), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno("map {}", path);
  // A new file's zeros are the first values of every member.
  return static_cast<SharedState*>(memory);
}

}  // namespace extreq::soak
