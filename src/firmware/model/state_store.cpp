#include "firmware/model/state_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "firmware/model/leftovers.hpp"

namespace extreq::firmware::model {
namespace {

constexpr unsigned owner_only = 0600;

std::string state_path(const std::string& directory) { return directory + "/state"; }
std::string lock_path(const std::string& directory) { return directory + "/lock"; }

Status write_state(const std::string& path, const PlatformState& state) {
  Bytes bytes = encode(state);
  auto status = replace_file(path, bytes, owner_only);
  wipe(bytes);
  return status;
}

// Into one buffer of the right size, so that no copies of secrets are left where a vector grew.
Result<PlatformState> read_state(int file, const std::string& path) {
  Bytes bytes(platform_state_file_size + 1);
  std::size_t size = 0;
  for (;;) {
    const ssize_t got = ::read(file, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read {}", path);
    size += static_cast<std::size_t>(got);
    if (got == 0 || size == bytes.size()) break;
  }
  auto state = decode_platform_state(ByteView(bytes).first(size));
  wipe(bytes);
  if (!state) {
    return fail(state.error().code, "{}: {}. Nothing was changed", path, state.error().message);
  }
  return state;
}

Result<struct stat> status_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail_errno("read the state file {}", path);
  return status;
}

}  // namespace

std::unique_ptr<StateStore> StateStore::in_memory(PlatformState state) {
  std::unique_ptr<StateStore> store(new StateStore({}, {}));  // NOLINT(*-owning-memory)
  store->state_ = std::move(state);
  return store;
}

Result<StateStore::Vacancy> StateStore::claim(const std::string& directory) {
  EXTREQ_TRY_ASSIGN(UniqueFd file, FileLock::open_file(lock_path(directory)));
  auto lock = std::make_unique<FileLock>(std::move(file));
  EXTREQ_TRY_ASSIGN(auto guard, lock->lock());
  std::string path = state_path(directory);
  const auto found = status_of(path);
  if (found) {
    return fail(Code::invalid_input, "{} exists: the directory holds a platform already", path);
  }
  if (found.error().code != Code::not_found) return tl::unexpected(found.error());
  remove_leftovers(path);
  return Vacancy(std::move(path), std::move(lock), std::move(guard));
}

Status StateStore::Vacancy::install(const PlatformState& state) {
  EXTREQ_TRY(check(state));
  return write_state(path_, state);
}

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory) {
  const std::string path = state_path(directory);
  EXTREQ_TRY(status_of(path));
  EXTREQ_TRY_ASSIGN(UniqueFd lock_file, FileLock::open_file(lock_path(directory)));
  std::unique_ptr<StateStore> store(  // NOLINT(*-owning-memory): the constructor is private
      new StateStore(path, std::move(lock_file)));
  EXTREQ_TRY_ASSIGN(const auto turn, store->take_turn());
  remove_leftovers(path);
  return store;
}

Result<StateStore::Turn> StateStore::take_turn() {
  EXTREQ_TRY_ASSIGN(auto guard, lock_.lock());
  EXTREQ_TRY(refresh());
  return Turn(*this, std::move(guard));
}

Status StateStore::refresh() {
  if (path_.empty()) return {};
  EXTREQ_TRY_ASSIGN(const auto now, status_of(path_));
  struct stat mine {};
  if (read_file_ && ::fstat(read_file_.get(), &mine) == 0 && mine.st_dev == now.st_dev &&
      mine.st_ino == now.st_ino) {
    return {};
  }
  state_.reset();
  read_file_.reset();
  if ((now.st_mode & 077) != 0) {
    return fail(Code::invalid_input,
                "{}: mode {:o} lets others at the chip secret, 600 is required", path_,
                now.st_mode & 07777);
  }
  UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("open {}", path_);
  EXTREQ_TRY_ASSIGN(state_, read_state(file.get(), path_));
  read_file_ = std::move(file);
  return {};
}

Status StateStore::Turn::replace(PlatformState next) {
  if (!store_->path_.empty()) {
    EXTREQ_TRY(write_state(store_->path_, next));
    // If this open fails, the next turn reads the file again.
    store_->read_file_.reset(::open(store_->path_.c_str(), O_RDONLY | O_CLOEXEC));
  }
  store_->state_ = std::move(next);
  return {};
}

}  // namespace extreq::firmware::model
