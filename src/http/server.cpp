#include "http/server.hpp"

#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include <microhttpd.h>
#include <sys/socket.h>

#include "base/try.hpp"
#include "http/announced.hpp"
#include "http/listen_socket.hpp"
#include "http/reply.hpp"
#include "http/workers.hpp"

namespace extreq::http {
namespace {

constexpr std::size_t connection_memory = 8192;
// How late a deadline or the end may be seen, in milliseconds.
constexpr int tick_ms = 50;
constexpr int drain_tick_ms = 10;
constexpr std::chrono::milliseconds drain_time(500);
constexpr unsigned status_unavailable = 503;

}  // namespace

// Its thread alone touches connections and libmicrohttpd, which runs no threads of its own. A
// request that a worker answers is suspended for that time; the worker wakes the loop.
class Server::Loop {
 public:
  Loop(Handler& handler, const Options& options)
      : handler_(handler), clock_(*options.clock), body_max_(options.body_max) {}
  ~Loop() {
    if (!thread_.joinable()) return;
    handler_.stop();
    stopping_ = true;
    thread_.join();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  Loop(Loop&&) = delete;
  Loop& operator=(Loop&&) = delete;

  Status start(UniqueFd listener, unsigned threads);

 private:
  struct Exchange {
    Request request;
    bool admitted = false;
    // Guarded by mutex_ while a worker has it:
    std::optional<Response> response;
    MHD_Connection* suspended = nullptr;
  };
  struct Connection {
    int fd = -1;
    std::shared_ptr<Exchange> exchange;  // nullptr between requests
    bool answering = false;              // the request is there whole
    std::optional<Clock::TimePoint> deadline;
  };

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code);
  static void* on_target(void* self, const char* target, MHD_Connection* connection);
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* body,
                               std::size_t* body_size, void** context);
  static void on_completed(void* self, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode code);

  MHD_Result admit(MHD_Connection* connection, Connection& state, const char* method);
  MHD_Result answer(MHD_Connection* connection, Connection& state);
  void work(Exchange& exchange);
  MHD_Result reply(MHD_Connection* connection, Connection& state, Response response);
  [[nodiscard]] Clock::TimePoint next_deadline() const { return clock_.now() + request_time; }
  void run();
  void end_overdue();
  void drain();

  Handler& handler_;
  Clock& clock_;
  const std::size_t body_max_;
  std::atomic<bool> stopping_ = false;
  std::unordered_map<MHD_Connection*, Connection> connections_;
  Clock::TimePoint next_look_{};
  std::mutex mutex_;
  std::unique_ptr<MHD_Daemon, decltype(&::MHD_stop_daemon)> daemon_{nullptr, &::MHD_stop_daemon};
  std::unique_ptr<Workers> workers_;
  std::thread thread_;
};

Status Server::Loop::start(UniqueFd listener, unsigned threads) {
  EXTREQ_TRY_ASSIGN(workers_, Workers::start(threads));
  constexpr unsigned quarters = 3;
  const unsigned connections = connections_max + 2 * threads;
  daemon_.reset(
      ::MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, &on_request,
                         this, MHD_OPTION_LISTEN_SOCKET, listener.release(),              //
                         MHD_OPTION_NOTIFY_CONNECTION, &on_connection, this,              //
                         MHD_OPTION_URI_LOG_CALLBACK, &on_target, this,                   //
                         MHD_OPTION_NOTIFY_COMPLETED, &on_completed, this,                //
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory,           //
                         MHD_OPTION_CONNECTION_LIMIT, connections,                        //
                         MHD_OPTION_PER_IP_CONNECTION_LIMIT, connections / 4 * quarters,  //
                         MHD_OPTION_CONNECTION_TIMEOUT, 0U,                               //
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                                 //
                         MHD_OPTION_END));
  if (!daemon_) return fail_errno("cannot start the HTTP server");
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& problem) {
    return fail(Code::io, "cannot start the HTTP server's thread: {}", problem.what());
  }
  return {};
}

void Server::Loop::on_connection(void* self, MHD_Connection* connection, void** /*context*/,
                                 MHD_ConnectionNotificationCode code) {
  auto& loop = *static_cast<Loop*>(self);
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    loop.connections_.erase(connection);
    return;
  }
  const auto* const info = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  loop.connections_[connection] = {info->connect_fd, nullptr, false, loop.next_deadline()};
}

// A request begins.
void* Server::Loop::on_target(void* self, const char* target, MHD_Connection* connection) {
  auto& exchange = static_cast<Loop*>(self)->connections_[connection].exchange;
  exchange = std::make_shared<Exchange>();
  exchange->request.target = target;
  return nullptr;
}

// Called with the headers, for each piece of the body, when all of it is there, and when a worker
// has answered.
MHD_Result Server::Loop::on_request(void* self, MHD_Connection* connection, const char* /*url*/,
                                    const char* method, const char* /*version*/, const char* body,
                                    std::size_t* body_size, void** /*context*/) {
  auto& loop = *static_cast<Loop*>(self);
  Connection& state = loop.connections_[connection];
  if (!state.exchange->admitted) return loop.admit(connection, state, method);
  if (*body_size != 0) {  // in all, not more than was announced
    state.exchange->request.body.append(body, *body_size);
    *body_size = 0;
    return MHD_YES;
  }
  return loop.answer(connection, state);
}

// The request is over: answered, or its connection is lost.
void Server::Loop::on_completed(void* self, MHD_Connection* connection, void** /*context*/,
                                MHD_RequestTerminationCode /*code*/) {
  auto& loop = *static_cast<Loop*>(self);
  Connection& state = loop.connections_[connection];
  state.exchange.reset();
  state.answering = false;
  state.deadline = loop.next_deadline();
}

MHD_Result Server::Loop::admit(MHD_Connection* connection, Connection& state, const char* method) {
  Exchange& exchange = *state.exchange;
  exchange.admitted = true;
  exchange.request.method = method;
  Announced announced = read_announced(connection);
  exchange.request.authorization = std::move(announced.authorization);
  auto response = refuse(exchange.request, announced, body_max_);
  const bool refused = response.has_value();
  if (!refused) response = handler_.at_once(exchange.request);
  if (!response) return MHD_YES;
  // Answered before its body, if it has one: libmicrohttpd then closes the connection unread.
  if (refused || announced.has_body()) return reply(connection, state, std::move(*response));
  exchange.response = std::move(response);
  return MHD_YES;
}

MHD_Result Server::Loop::answer(MHD_Connection* connection, Connection& state) {
  const auto& exchange = state.exchange;
  state.answering = true;
  const std::lock_guard lock(mutex_);
  if (exchange->response) return reply(connection, state, std::move(*exchange->response));
  state.deadline.reset();  // the worker's time, not the peer's
  exchange->suspended = connection;
  ::MHD_suspend_connection(connection);
  if (!workers_->offer([this, exchange] { work(*exchange); })) {
    exchange->response = Response{
        status_unavailable, "text/plain", "too many requests\n", {{"Retry-After", "1"}}, false};
    ::MHD_resume_connection(std::exchange(exchange->suspended, nullptr));
  }
  return MHD_YES;
}

// In a worker's thread.
void Server::Loop::work(Exchange& exchange) {
  Response response = handler_.answer(exchange.request);
  const std::lock_guard lock(mutex_);
  if (exchange.suspended == nullptr) return;  // given up: the server ends
  exchange.response = std::move(response);
  ::MHD_resume_connection(std::exchange(exchange.suspended, nullptr));
}

MHD_Result Server::Loop::reply(MHD_Connection* connection, Connection& state, Response response) {
  state.answering = true;
  state.deadline = next_deadline();
  return queue_reply(connection, std::move(response));
}

void Server::Loop::run() {
  while (!stopping_) {
    ::MHD_run_wait(daemon_.get(), tick_ms);
    end_overdue();
  }
  drain();
}

void Server::Loop::end_overdue() {
  const auto now = clock_.now();
  if (now < next_look_) return;
  next_look_ = now + std::chrono::milliseconds(tick_ms);
  for (auto& [connection, state] : connections_) {
    if (!state.deadline || now < *state.deadline) continue;
    ::shutdown(state.fd, SHUT_RDWR);  // libmicrohttpd then closes it
    state.deadline.reset();
  }
}

void Server::Loop::drain() {
  const UniqueFd listener(::MHD_quiesce_daemon(daemon_.get()));
  const auto end = std::chrono::steady_clock::now() + drain_time;
  while (!connections_.empty() && std::chrono::steady_clock::now() < end) {
    for (const auto& [connection, state] : connections_) {
      if (!state.answering) ::shutdown(state.fd, SHUT_RDWR);
    }
    ::MHD_run_wait(daemon_.get(), drain_tick_ms);
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [connection, state] : connections_) {
      if (!state.exchange || state.exchange->suspended == nullptr) continue;
      ::MHD_resume_connection(std::exchange(state.exchange->suspended, nullptr));
    }
  }
  daemon_.reset();
}

Server::Server(std::unique_ptr<Loop> loop, int port) : loop_(std::move(loop)), port_(port) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(Handler& handler, const Options& options) {
  EXTREQ_TRY_ASSIGN(UniqueFd listener, listen_on(options.address, options.port));
  EXTREQ_TRY_ASSIGN(const int port, port_of(listener));
  auto loop = std::make_unique<Loop>(handler, options);
  EXTREQ_TRY(loop->start(std::move(listener), options.threads));
  return std::unique_ptr<Server>(new Server(std::move(loop), port));
}

}  // namespace extreq::http
