#include "sim/unlocked_source.hpp"

#include "base/file.hpp"
#include "base/try.hpp"
#include "lease/table_shape.hpp"

namespace extreq::sim {
namespace {

class UnlockedHolder final : public lease::Holder {
 public:
  explicit UnlockedHolder(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration /*max_wait*/) override {
    EXTREQ_TRY_ASSIGN(table_, read_file(path_, lease::table_size_limit));
    held_ = true;
    return ByteView(table_);
  }
  void release() noexcept override { held_ = false; }
  [[nodiscard]] bool held() const noexcept override { return held_; }

 private:
  std::string path_;
  Bytes table_;
  bool held_ = false;
};

}  // namespace

Result<std::unique_ptr<lease::Holder>> UnlockedSource::open_holder() {
  return std::make_unique<UnlockedHolder>(path_);
}

}  // namespace extreq::sim
