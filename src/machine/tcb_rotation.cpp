#include "machine/tcb_rotation.hpp"

#include <condition_variable>
#include <mutex>

#include "base/try.hpp"

namespace extreq::machine {

Result<std::unique_ptr<TcbRotation>> TcbRotation::start(TcbSwitch& tcb,
                                                        std::chrono::milliseconds pause) {
  EXTREQ_TRY(tcb.change());
  EXTREQ_TRY(tcb.change());
  return std::unique_ptr<TcbRotation>(new TcbRotation(tcb, pause));
}

TcbRotation::TcbRotation(TcbSwitch& tcb, std::chrono::milliseconds pause)
    : thread_([this, &tcb, pause](const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any wake;
        while (!stop.stop_requested()) {
          if (!tcb.change()) ++failures_;
          std::unique_lock lock(mutex);
          wake.wait_for(lock, stop, pause, [] { return false; });
        }
      }) {}

}  // namespace extreq::machine
