// StateStore: where a PlatformState lives, and whose turn it is to run a command on it.
//
// In memory, or in a state directory that any number of processes share. A Turn is exclusive among
// all of them, and inside it the state is the newest. A change replaces the state file as a whole:
// kill -9 at any step leaves the old state or the new one.
//
// How a turn knows whether its copy is the newest, for one stat(2): each change is a new file
// renamed over the old one, and the store keeps the file that it has read open. An inode that is
// held open is not given to another file, so the same device and inode mean the same content.
// (Time stamps and sizes can be the same in two states, and a free inode number is used again.)
// Threading: any thread; a child of fork() opens a store of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.hpp"
#include "firmware/model/file_lock.hpp"
#include "firmware/model/platform_state.hpp"

namespace extreq::firmware::model {

class StateStore {
 public:
  [[nodiscard]] static std::unique_ptr<StateStore> in_memory(PlatformState state);

  // The right to make a platform in a directory, and the lock that keeps others from it.
  class Vacancy {
   public:
    // Effect: the platform exists. Failure: as check(); io.
    [[nodiscard]] Status install(const PlatformState& state);

   private:
    friend class StateStore;
    Vacancy(std::string path, std::unique_ptr<FileLock> lock, FileLock::Guard guard) noexcept
        : path_(std::move(path)), lock_(std::move(lock)), guard_(std::move(guard)) {}
    std::string path_;
    std::unique_ptr<FileLock> lock_;
    FileLock::Guard guard_;
  };

  // Waits for the directory's lock. Failure: invalid_input if the directory holds a platform; io.
  [[nodiscard]] static Result<Vacancy> claim(const std::string& directory);

  // Failure: not_found if the directory has no state; invalid_input if the state is damaged or
  // readable by others than its owner: it names the file, and nothing is changed. io.
  [[nodiscard]] static Result<std::unique_ptr<StateStore>> open(const std::string& directory);

  class Turn {
   public:
    // Valid until replace() or the end of the turn.
    [[nodiscard]] const PlatformState& state() const noexcept { return *store_->state_; }
    // Effect: `next` is the state from now on, for everybody. Failure: io; the state is the old
    // one.
    [[nodiscard]] Status replace(PlatformState next);

   private:
    friend class StateStore;
    Turn(StateStore& store, FileLock::Guard guard) noexcept
        : store_(&store), guard_(std::move(guard)) {}
    StateStore* store_;
    FileLock::Guard guard_;
  };

  // Waits for the turn. Lifetime: the turn must not outlive the store.
  // Failure: as open(), if the state file went bad in the meantime.
  [[nodiscard]] Result<Turn> take_turn();

 private:
  StateStore(std::string directory, UniqueFd lock_file)
      : path_(std::move(directory)), lock_(std::move(lock_file)) {}
  [[nodiscard]] Status refresh();

  std::string path_;  // of the state file; empty: in memory
  FileLock lock_;
  UniqueFd read_file_;  // the file that state_ was read from, so that its inode stays taken
  std::optional<PlatformState> state_;
};

}  // namespace extreq::firmware::model
