// ProcessMark: whether this is still the process that an object was made in.
//
// A forked child shares the parent's open file descriptions: an unlock in the child drops the
// parent's lock. So whatever holds a lock also holds a mark, and does nothing where it is not
// here().
//
// Effect: the mark of the process that constructs it. It sees any way of forking, raw clone()
// included, and asks the kernel nothing: one page that the kernel wipes in the child
// (madvise(2), MADV_WIPEONFORK). Where the kernel cannot do that, it compares getpid(). A vfork
// child shares the parent's memory and is not told apart: it may only exec, as ever.
// Threading: any thread; a value.
#pragma once

#include <cstdint>

#include <sys/types.h>

namespace extreq::lease {

class ProcessMark {
 public:
  ProcessMark() noexcept;
  // False in a child that was forked since, and in its children.
  [[nodiscard]] bool here() const noexcept;

 private:
  std::uint64_t epoch_ = 0;  // 0: compare pid_
  pid_t pid_ = 0;
};

}  // namespace extreq::lease
