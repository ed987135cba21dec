// Console: carries what the guest writes to its serial port to whoever listens, and keeps the end
// of it for whoever has to say why a guest did not do what it should.
//
// Effect: a thread of its own reads until the machine ends. The sink is called by that thread.
// Lifetime: the destructor ends the thread; the sink must live until then.
// Threading: write() from any thread, one at a time; last_words() from any.
#pragma once

#include <functional>
#include <mutex>
#include <string>
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

  // The last few thousand characters that the guest wrote.
  [[nodiscard]] std::string last_words() const;

 private:
  void pump();
  void keep(std::string_view text);

  UniqueFd port_;
  Sink sink_;
  mutable std::mutex mutex_;
  std::string last_words_;
  std::thread thread_;  // the last one: it uses the others
};

}  // namespace extreq::machine
