#include "hypervisor/access_log.hpp"

#include <map>

namespace extreq::hypervisor {

void AccessLog::accessed(std::uint64_t gpa, std::size_t length, Kind kind) {
  const Access access{gpa, length, kind};
  {
    const std::lock_guard lock(mutex_);
    accesses_.push_back(access);
  }
  if (hook_) hook_(access);
}

std::vector<AccessLog::Access> AccessLog::accesses() const {
  const std::lock_guard lock(mutex_);
  return accesses_;
}

std::vector<std::uint64_t> AccessLog::bytes_read_again() const {
  std::map<std::uint64_t, std::size_t> reads;
  for (const Access& access : accesses()) {
    if (access.kind != Kind::read) continue;
    for (std::size_t i = 0; i < access.length; ++i) ++reads[access.gpa + i];
  }
  std::vector<std::uint64_t> again;
  for (const auto& [gpa, count] : reads) {
    if (count > 1) again.push_back(gpa);
  }
  return again;
}

void AccessLog::clear() {
  const std::lock_guard lock(mutex_);
  accesses_.clear();
}

}  // namespace extreq::hypervisor
