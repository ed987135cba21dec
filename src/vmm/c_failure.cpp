#include "vmm/c_failure.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace extreq::vmm {
namespace {

thread_local std::array<char, 512> last_words{};

int errno_of(Code code) noexcept {
  switch (code) {
    case Code::invalid_input:
      return -EINVAL;
    case Code::not_found:
      return -ENOENT;
    case Code::busy:
      return -EAGAIN;
    case Code::too_small:
      return -ENOSPC;
    case Code::unsupported:
      return -EOPNOTSUPP;
    case Code::not_genuine:
      return -EBADMSG;
    case Code::closed:
      return -ECANCELED;
    case Code::io:
      break;
  }
  return -EIO;
}

}  // namespace

int c_failure(int negative_errno, const char* words) noexcept {
  const std::size_t length = std::min(std::strlen(words), last_words.size() - 1);
  std::copy_n(words, length, last_words.begin());
  last_words.at(length) = '\0';
  return negative_errno;
}

int c_failure(const Error& error) noexcept {
  return c_failure(errno_of(error.code), error.message.c_str());
}

const char* last_c_failure() noexcept { return last_words.data(); }

}  // namespace extreq::vmm
