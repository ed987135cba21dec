// GuestControl: the host's end of the control port, through which the guest's init is told what to
// do.
//
// Effect: one request at a time, and its answers. The guest is not trusted: what it sends is
// bounded and checked.
// Failure: closed when the guest or its machine has ended; busy when a deadline passed;
// invalid_input for frames that make no sense. After these the port is of no more use.
// Threading: one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace extreq::machine {

class GuestControl {
 public:
  using Duration = std::chrono::milliseconds;

  explicit GuestControl(UniqueFd port) noexcept : port_(std::move(port)) {}

  // Makes what waits here, and all later requests, fail with closed. Threading: any thread.
  void end() noexcept;

  // Waits until the guest's init has started. The text is what did not go well there, one line
  // each.
  [[nodiscard]] Result<std::string> wait_ready(Duration at_most);

  enum class Stream : std::uint8_t { output, errors };
  using Sink = std::function<void(Stream, std::string_view)>;
  // Runs a program with arguments, and gives its output to `sink` as it comes. The value is its
  // exit status, 128 + n if signal n ended it, 127 if it was not found. Zero `at_most`: no limit.
  [[nodiscard]] Result<int> run(const std::vector<std::string>& arguments, const Sink& sink,
                                Duration at_most);

  // A file of the guest, of at most `limit` bytes. Failure also: not_found.
  [[nodiscard]] Result<Bytes> fetch(const std::string& path, std::size_t limit, Duration at_most);

  // Writes a new file of the guest. It must fit one frame. Failure also: io.
  [[nodiscard]] Status put(const std::string& path, ByteView content, Duration at_most);

  // Asks the guest to end. Its machine ends with it.
  [[nodiscard]] Status power_off();

 private:
  struct Frame {
    std::uint8_t type = 0;
    std::string content;
  };
  using Deadline = std::chrono::steady_clock::time_point;
  [[nodiscard]] static Deadline deadline_in(Duration at_most);
  [[nodiscard]] Status send(std::uint8_t type, std::string_view content);
  [[nodiscard]] Result<Frame> receive(Deadline deadline);
  [[nodiscard]] Status fill(std::size_t size, Deadline deadline);

  UniqueFd port_;
  std::string received_;
};

}  // namespace extreq::machine
