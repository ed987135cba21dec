// Console: carries what the guest writes to its serial port to whoever listens.
//
// Effect: a thread of its own reads until the machine ends. The sink is called by that thread.
// Lifetime: the destructor ends the thread; the sink must live until then.
// Threading: write() from any thread, one at a time.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace extreq::machine {

class Console {
 public:
  using Sink = std::function<void(std::string_view)>;

  Console(UniqueFd port, Sink sink);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  Console(Console&&) = delete;
  Console& operator=(Console&&) = delete;

  // What the guest reads. Failure: closed.
  [[nodiscard]] Status write(std::string_view text);

 private:
  void pump();

  UniqueFd port_;
  Sink sink_;
  std::thread thread_;
};

}  // namespace extreq::machine
