#include "machine/guest_control.hpp"

#include <algorithm>
#include <array>

#include <poll.h>
#include <sys/socket.h>

#include "base/try.hpp"
#include "machine/control_frame.hpp"

namespace extreq::machine {
namespace {

constexpr std::size_t read_size = 65536;

tl::unexpected<Error> surprising(std::uint8_t type) {
  return fail(Code::invalid_input, "control port: the guest sent a frame of type {:#x}", type);
}

}  // namespace

GuestControl::Deadline GuestControl::deadline_in(Duration at_most) {
  const auto forever = std::chrono::hours(24 * 365);
  return std::chrono::steady_clock::now() + (at_most.count() > 0 ? at_most : Duration(forever));
}

Status GuestControl::send(std::uint8_t type, std::string_view content) {
  if (content.size() > control::content_max) {
    return fail(Code::too_small, "control port: a request of {} bytes, {} are possible",
                content.size(), control::content_max);
  }
  std::string frame(1, static_cast<char>(type));
  for (unsigned shift = 0; shift < 32; shift += 8) {
    frame.push_back(static_cast<char>(content.size() >> shift));
  }
  frame.append(content);
  for (std::string_view rest = frame; !rest.empty();) {
    const ssize_t sent = ::send(port_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return fail(Code::closed, "control port: the machine has ended");
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Status GuestControl::fill(std::size_t size, Deadline deadline) {
  while (received_.size() < size) {
    const auto left = std::min<std::chrono::milliseconds>(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()),
        std::chrono::hours(1));
    if (left.count() <= 0)
      return fail(Code::busy, "control port: the guest did not answer in time");
    pollfd file{port_.get(), POLLIN, 0};
    const int ready = ::poll(&file, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return fail_errno("poll the control port");
    if (ready <= 0) continue;
    std::array<char, read_size> buffer{};
    const ssize_t got = ::recv(port_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return fail(Code::closed, "control port: the machine has ended");
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return {};
}

Result<GuestControl::Frame> GuestControl::receive(Deadline deadline) {
  EXTREQ_TRY(fill(control::head_size, deadline));
  std::uint32_t size = 0;
  for (unsigned i = 0; i < 4; ++i) {
    size |= std::uint32_t{static_cast<std::uint8_t>(received_[1 + i])} << (8 * i);
  }
  if (size > control::content_max) {
    return fail(Code::invalid_input, "control port: a frame of {} bytes, at most {} are taken",
                size, control::content_max);
  }
  EXTREQ_TRY(fill(control::head_size + size, deadline));
  Frame frame{static_cast<std::uint8_t>(received_[0]), received_.substr(control::head_size, size)};
  received_.erase(0, control::head_size + size);
  return frame;
}

void GuestControl::end() noexcept { ::shutdown(port_.get(), SHUT_RDWR); }

Result<std::string> GuestControl::wait_ready(Duration at_most) {
  EXTREQ_TRY_ASSIGN(Frame frame, receive(deadline_in(at_most)));
  if (frame.type != control::ready) return surprising(frame.type);
  return std::move(frame.content);
}

Result<int> GuestControl::run(const std::vector<std::string>& arguments, const Sink& sink,
                              Duration at_most) {
  std::string content;
  for (const auto& argument : arguments) content.append(argument).push_back('\0');
  EXTREQ_TRY(send(control::run, content));
  const Deadline deadline = deadline_in(at_most);
  while (true) {
    EXTREQ_TRY_ASSIGN(const Frame frame, receive(deadline));
    switch (frame.type) {
      case control::output:
        sink(Stream::output, frame.content);
        break;
      case control::errors:
        sink(Stream::errors, frame.content);
        break;
      case control::ended:
        if (frame.content.size() != 1) return surprising(frame.type);
        return static_cast<std::uint8_t>(frame.content[0]);
      case control::failure:
        return fail(Code::io, "in the guest: {}", frame.content);
      default:
        return surprising(frame.type);
    }
  }
}

Result<Bytes> GuestControl::fetch(const std::string& path, std::size_t limit, Duration at_most) {
  EXTREQ_TRY(send(control::fetch, path));
  const Deadline deadline = deadline_in(at_most);
  Bytes content;
  bool too_large = false;
  while (true) {
    EXTREQ_TRY_ASSIGN(const Frame frame, receive(deadline));
    if (frame.type == control::failure) {
      return fail(Code::not_found, "in the guest: {}", frame.content);
    }
    if (frame.type != control::data) return surprising(frame.type);
    if (frame.content.empty()) break;
    too_large = too_large || frame.content.size() > limit - content.size();
    if (!too_large) content.insert(content.end(), frame.content.begin(), frame.content.end());
  }
  if (too_large) {
    return fail(Code::too_small, "in the guest: {} has more than {} bytes", path, limit);
  }
  return content;
}

Status GuestControl::put(const std::string& path, ByteView content, Duration at_most) {
  std::string request = path;
  request.push_back('\0');
  request.append(content.begin(), content.end());
  EXTREQ_TRY(send(control::put, request));
  EXTREQ_TRY_ASSIGN(const Frame frame, receive(deadline_in(at_most)));
  if (frame.type == control::failure) return fail(Code::io, "in the guest: {}", frame.content);
  if (frame.type != control::done) return surprising(frame.type);
  return {};
}

Status GuestControl::power_off() { return send(control::power_off, {}); }

}  // namespace extreq::machine
