#include "host/socket_server.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "lease/blob_file.hpp"
#include "lease/socket_packet.hpp"
#include "lease/socket_protocol.hpp"

namespace extreq::host {
namespace {

namespace protocol = lease::socket_protocol;

// Waits until the socket has something or the server stops. False: it stops.
bool wait_for(int socket, int stop_event) noexcept {
  while (true) {
    std::array<pollfd, 2> pollers = {{{socket, POLLIN, 0}, {stop_event, POLLIN, 0}}};
    if (::poll(pollers.data(), pollers.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    return pollers[1].revents == 0;
  }
}

Result<UniqueFd> sealed_memory(ByteView bytes) {
  UniqueFd fd(::memfd_create("extreq-table", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno("memory for a table");
  if (const int error_number = lease::write_at(fd.get(), 0, bytes); error_number != 0) {
    errno = error_number;
    return fail_errno("write a table into memory");
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
      0) {
    return fail_errno("seal a table");
  }
  return fd;
}

}  // namespace

// One connection, on a thread of its own.
class SocketServer::Session {
 public:
  Session(SocketServer& server, UniqueFd socket) : server_(server), socket_(std::move(socket)) {}

  void run() {
    while (wait_for(socket_.get(), server_.stop_event_.get()) && serve_one()) {
    }
    // A client that is gone has no duplicate any more; one that lives keeps its lease by its own.
    if (holder_) holder_->leave();
    if (counted_) --server_.tally_.leases_held;
  }

 private:
  // False: the connection ends.
  [[nodiscard]] bool serve_one() {
    std::array<std::uint8_t, sizeof(protocol::Request) + 1> buffer{};
    std::size_t size = 0;
    const int error_number = lease::receive_bytes(socket_.get(), buffer, size);
    if (error_number == EAGAIN || error_number == EINTR) return true;
    if (error_number != 0 || size == 0) return false;
    ByteReader reader(ByteView(buffer).first(size));
    const auto request = reader.object<protocol::Request>();
    if (size != sizeof(protocol::Request) || !request || request->version != protocol::version ||
        request->reserved != 0) {
      return broken();
    }
    switch (static_cast<protocol::Operation>(std::uint32_t{request->operation})) {
      case protocol::Operation::acquire:
        return acquire(std::chrono::milliseconds(std::uint32_t{request->max_wait_ms}));
      case protocol::Operation::release:
        release();
        return true;
    }
    return broken();
  }

  [[nodiscard]] bool broken() noexcept {
    ++server_.tally_.protocol_errors;
    return false;
  }

  [[nodiscard]] bool acquire(Clock::Duration max_wait) {
    if (holder_ && holder_->held()) return broken();
    const auto begin = system_clock().now();
    auto table = take_lease(std::min(max_wait, server_.options_.wait_max));
    server_.tally_.wait_microseconds += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(system_clock().now() - begin)
            .count());
    if (!table) return refuse(table.error());
    ++server_.tally_.leases_given;
    ++server_.tally_.leases_held;
    counted_ = true;
    return grant(*table);
  }

  [[nodiscard]] Result<ByteView> take_lease(Clock::Duration max_wait) {
    if (!holder_) {
      EXTREQ_TRY_ASSIGN(holder_, server_.source_.open_blob_holder());
    }
    return holder_->acquire(max_wait);
  }

  [[nodiscard]] bool refuse(const Error& error) {
    ++server_.tally_.leases_refused;
    protocol::Answer answer;
    answer.version = protocol::version;
    answer.result = protocol::refusal_of(error.code);
    const std::string text = error.message.substr(0, protocol::text_max);
    const Bytes packet = ByteBuilder().object(answer).bytes(Bytes(text.begin(), text.end())).take();
    return lease::send_packet(socket_.get(), packet, {}) == 0;
  }

  [[nodiscard]] bool grant(ByteView table) {
    protocol::Answer answer;
    answer.version = protocol::version;
    answer.result = protocol::granted;
    answer.table_size = static_cast<std::uint32_t>(table.size());
    std::array<int, lease::packet_descriptors_max> descriptors = {holder_->lock_descriptor(), -1};
    std::size_t count = 1;
    UniqueFd memory;
    if (!sent_table_ || !std::ranges::equal(*sent_table_, table)) {
      auto sealed = sealed_memory(table);
      if (!sealed) {
        release();
        return refuse(sealed.error());
      }
      memory = *std::move(sealed);
      descriptors.at(count++) = memory.get();
      answer.flags = protocol::flag_table_attached;
      sent_table_.emplace(table.begin(), table.end());
    }
    const Bytes packet = ByteBuilder().object(answer).take();
    return lease::send_packet(socket_.get(), packet, std::span(descriptors).first(count)) == 0;
  }

  void release() noexcept {
    if (holder_) holder_->release();
    if (std::exchange(counted_, false)) --server_.tally_.leases_held;
  }

  SocketServer& server_;
  UniqueFd socket_;
  std::unique_ptr<lease::BlobHolder> holder_;
  std::optional<Bytes> sent_table_;  // what the client has
  bool counted_ = false;             // in leases_held
};

SocketServer::SocketServer(SocketServerOptions options, UniqueFd listener, UniqueFd stop_event)
    : options_(std::move(options)),
      source_(options_.blob_path),
      listener_(std::move(listener)),
      stop_event_(std::move(stop_event)) {}

Result<std::unique_ptr<SocketServer>> SocketServer::start(SocketServerOptions options) {
  EXTREQ_TRY_ASSIGN(UniqueFd listener, lease::listen_at(options.socket_path, options.mode));
  UniqueFd stop_event(::eventfd(0, EFD_CLOEXEC));
  if (!stop_event) return fail_errno("an eventfd");
  std::unique_ptr<SocketServer> server(
      new SocketServer(std::move(options), std::move(listener), std::move(stop_event)));
  server->acceptor_ = std::thread([raw = server.get()] { raw->accept_clients(); });
  return server;
}

SocketServer::~SocketServer() { stop(); }

void SocketServer::stop() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  const std::uint64_t one = 1;
  if (::write(stop_event_.get(), &one, sizeof(one)) < 0) return;  // cannot fail: the counter is 0
  acceptor_.join();
  for (Client& client : clients_) client.thread.join();
  clients_.clear();
  listener_.reset();
  ::unlink(options_.socket_path.c_str());
}

void SocketServer::accept_clients() {
  while (wait_for(listener_.get(), stop_event_.get())) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    reap();
    if (socket) {
      admit(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
      system_clock().sleep_for(std::chrono::milliseconds(50));  // until others are done
    }
  }
}

void SocketServer::admit(UniqueFd socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      !options_.allowed(peer) || clients_.size() >= options_.clients_max) {
    ++tally_.peers_refused;
    return;
  }
  Client& client = clients_.emplace_back();
  ++tally_.connections;
  client.thread = std::thread([this, &client, socket = std::move(socket)]() mutable {
    Session(*this, std::move(socket)).run();
    --tally_.connections;
    client.ended = true;
  });
}

void SocketServer::reap() noexcept {
  for (auto client = clients_.begin(); client != clients_.end();) {
    if (client->ended) {
      client->thread.join();
      client = clients_.erase(client);
    } else {
      ++client;
    }
  }
}

SocketServer::Counters SocketServer::counters() const noexcept {
  return {tally_.connections,      tally_.leases_held,   tally_.leases_given,
          tally_.leases_refused,   tally_.peers_refused, tally_.protocol_errors,
          tally_.wait_microseconds};
}

}  // namespace extreq::host
