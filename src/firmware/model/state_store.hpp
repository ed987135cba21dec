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

  // Failure: invalid_input if the directory holds a state.
  [[nodiscard]] static Status check_vacant(const std::string& directory);

  // Writes the first state of a directory. Failure: invalid_input if there is one already, or as
  // check(); io.
  [[nodiscard]] static Status install(const std::string& directory, const PlatformState& state);

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
