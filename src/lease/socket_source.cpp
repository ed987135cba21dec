#include "lease/socket_source.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <fcntl.h>
#include <poll.h>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "lease/blob_file.hpp"
#include "lease/process_mark.hpp"
#include "lease/socket_packet.hpp"
#include "lease/socket_protocol.hpp"
#include "lease/table_shape.hpp"

namespace extreq::lease {
namespace {

namespace protocol = socket_protocol;

constexpr int table_seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;

std::uint32_t milliseconds(Clock::Duration wait) {
  using std::chrono::milliseconds;
  const auto count =
      std::chrono::ceil<milliseconds>(std::max(wait, Clock::Duration::zero())).count();
  return static_cast<std::uint32_t>(
      std::min<std::int64_t>(count, std::numeric_limits<std::int32_t>::max()));
}

Bytes request(protocol::Operation operation, std::uint32_t max_wait_ms) {
  protocol::Request request;
  request.version = protocol::version;
  request.operation = static_cast<std::uint32_t>(operation);
  request.max_wait_ms = max_wait_ms;
  return ByteBuilder().object(request).take();
}

class SocketHolder final : public Holder {
 public:
  SocketHolder(std::string path, Clock& clock, SocketSource::Silence& silence)
      : path_(std::move(path)), clock_(clock), silence_(silence), table_(table_size_limit) {}
  ~SocketHolder() override { release(); }
  SocketHolder(const SocketHolder&) = delete;
  SocketHolder& operator=(const SocketHolder&) = delete;
  SocketHolder(SocketHolder&&) = delete;
  SocketHolder& operator=(SocketHolder&&) = delete;

  [[nodiscard]] Status connect() {
    EXTREQ_TRY_ASSIGN(socket_, connect_to(path_));
    table_size_ = 0;
    return {};
  }

  [[nodiscard]] Result<ByteView> acquire(Clock::Duration max_wait) override {
    if (!process_.here()) {
      return fail(Code::closed, "{}: this process was forked from the one that connected", path_);
    }
    if (lock_) return fail(Code::invalid_input, "{}: a lease is held already", path_);
    if (silence_.lasts(clock_.now())) {
      return fail(Code::busy, "{}: gave no answer a moment ago, and is not asked again yet", path_);
    }
    const std::uint32_t wait_ms = milliseconds(max_wait);
    EXTREQ_TRY(ask(wait_ms));
    auto table = take_answer(wait_ms);
    // What was asked for may still be granted: only the end of the connection takes that back.
    if (!table && !refused_) give_up();
    return table;
  }

  void release() noexcept override {
    if (!held()) return;
    if (send_packet(socket_.get(), release_request_, {}) != 0) socket_.reset();
    lock_.reset();
  }

  [[nodiscard]] bool held() const noexcept override {
    return static_cast<bool>(lock_) && process_.here();
  }

 private:
  void give_up() noexcept {
    socket_.reset();
    lock_.reset();
  }

  // A service that was started anew is asked once more.
  [[nodiscard]] Status ask(std::uint32_t wait_ms) {
    const Bytes packet = request(protocol::Operation::acquire, wait_ms);
    const bool had_connection = static_cast<bool>(socket_);
    if (!socket_) EXTREQ_TRY(connect());
    int error_number = send_packet(socket_.get(), packet, {});
    if (error_number != 0 && had_connection) {
      EXTREQ_TRY(connect());
      error_number = send_packet(socket_.get(), packet, {});
    }
    if (error_number == 0) return {};
    give_up();
    errno = error_number;
    return fail_errno("{}: ask for a lease", path_);
  }

  [[nodiscard]] Status wait_for_answer(std::uint32_t wait_ms) {
    constexpr std::int64_t longest_poll = std::numeric_limits<int>::max();
    const auto deadline =
        clock_.now() + std::chrono::milliseconds(wait_ms) + SocketSource::answer_grace;
    while (true) {
      // An answer that is there counts, however late this thread comes to look.
      const auto left = std::max(deadline - clock_.now(), Clock::Duration::zero());
      const auto pause = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      pollfd poller{socket_.get(), POLLIN, 0};
      const int ready = ::poll(&poller, 1, static_cast<int>(std::min(pause, longest_poll)));
      if (ready > 0) break;
      if (ready < 0 && errno != EINTR) return fail_errno("{}: wait for an answer", path_);
      if (pause == 0 || (ready == 0 && pause <= longest_poll)) {
        silence_.no_answer(clock_.now());
        return fail(Code::busy, "{}: no answer within {} ms", path_, wait_ms);
      }
    }
    silence_.answered();
    return {};
  }

  [[nodiscard]] Result<ByteView> take_answer(std::uint32_t wait_ms) {
    refused_ = false;
    EXTREQ_TRY(wait_for_answer(wait_ms));
    std::array<std::uint8_t, protocol::answer_max> buffer{};
    Packet packet;
    if (const int error_number = receive_packet(socket_.get(), buffer, packet); error_number != 0) {
      errno = error_number;
      return fail_errno("{}: the service's answer", path_);
    }
    if (packet.size == 0) return fail(Code::closed, "{}: the service closed the connection", path_);
    ByteReader reader(ByteView(buffer).first(packet.size));
    const auto answer = reader.object<protocol::Answer>();
    if (!answer || packet.cut || answer->version != protocol::version) {
      return fail(Code::invalid_input, "{}: an answer of {} bytes that is none of version {}",
                  path_, packet.size, protocol::version);
    }
    if (answer->result != protocol::granted) {
      refused_ = true;
      const ByteView words = ByteView(buffer).subspan(sizeof(protocol::Answer),
                                                      packet.size - sizeof(protocol::Answer));
      return fail(protocol::code_of(answer->result), "{}: {}", path_,
                  std::string(words.begin(), words.end()));
    }
    return take_lease(*answer, packet);
  }

  [[nodiscard]] Result<ByteView> take_lease(const protocol::Answer& answer, Packet& packet) {
    const bool attached = (answer.flags & protocol::flag_table_attached) != 0;
    const UniqueFd& table = packet.descriptors[1];
    if (!packet.descriptors[0] || attached != static_cast<bool>(table)) {
      return fail(Code::invalid_input, "{}: a lease without its descriptors", path_);
    }
    if (answer.table_size > table_.size()) {
      return fail(Code::invalid_input, "{}: a table of {} bytes, at most {} are served", path_,
                  std::uint32_t{answer.table_size}, table_.size());
    }
    const auto wanted = MutableByteView(table_).first(answer.table_size);
    if (attached) {
      // Sealed, so that what is checked here is what is used, and nothing waits in the read.
      if ((::fcntl(table.get(), F_GET_SEALS) & table_seals) != table_seals) {
        return fail(Code::invalid_input, "{}: a table that is not sealed", path_);
      }
      if (read_at_start(table.get(), wanted) != static_cast<ssize_t>(wanted.size())) {
        return fail(Code::invalid_input, "{}: a table shorter than it was said to be", path_);
      }
      if (auto shape = check_table_shape(wanted); !shape) {
        return fail(shape.error().code, "{}: {}", path_, shape.error().message);
      }
      table_size_ = wanted.size();
    } else if (wanted.size() != table_size_) {
      return fail(Code::invalid_input, "{}: the same table as before, of {} bytes, which had {}",
                  path_, wanted.size(), table_size_);
    }
    lock_ = std::move(packet.descriptors[0]);
    return is_empty_table(wanted) ? ByteView() : ByteView(wanted);
  }

  const std::string path_;
  Clock& clock_;
  SocketSource::Silence& silence_;
  const Bytes release_request_ = request(protocol::Operation::release, 0);
  const ProcessMark process_;
  UniqueFd socket_;
  UniqueFd lock_;  // a duplicate of the service's, while a lease is held
  Bytes table_;    // table_size_limit bytes
  std::size_t table_size_ = 0;
  bool refused_ = false;  // the last answer was a refusal, in order
};

}  // namespace

bool SocketSource::Silence::lasts(Clock::TimePoint now) const noexcept {
  return now.time_since_epoch().count() < until_.load();
}

// Of several holders that wait at once, one makes the pause longer.
void SocketSource::Silence::no_answer(Clock::TimePoint now) noexcept {
  auto until = until_.load();
  if (now.time_since_epoch().count() < until) return;
  const Clock::Duration pause =
      std::clamp(2 * Clock::Duration(pause_.load()), silence_pause_first, silence_pause_longest);
  if (until_.compare_exchange_strong(until, (now + pause).time_since_epoch().count())) {
    pause_.store(pause.count());
  }
}

void SocketSource::Silence::answered() noexcept {
  if (pause_.load() != 0) pause_.store(0);
}

SocketSource::SocketSource(std::string path, Clock& clock)
    : path_(std::move(path)), clock_(clock) {}

Result<std::unique_ptr<Holder>> SocketSource::open_holder() {
  auto holder = std::make_unique<SocketHolder>(path_, clock_, silence_);
  if (auto connected = holder->connect();
      !connected && connected.error().code == Code::invalid_input) {
    return tl::unexpected(std::move(connected).error());
  }
  return holder;
}

}  // namespace extreq::lease
