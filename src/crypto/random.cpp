#include "crypto/random.hpp"

#include <cerrno>

#include <sys/random.h>

#include "base/secret.hpp"

namespace extreq::crypto {

Status random_bytes(MutableByteView out) {
  MutableByteView rest = out;
  while (!rest.empty()) {
    const ssize_t got = ::getrandom(rest.data(), rest.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      auto failure = fail_errno("get {} random bytes from the kernel", out.size());
      wipe(out);
      return failure;
    }
    rest = rest.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

}  // namespace extreq::crypto
