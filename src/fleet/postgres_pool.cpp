#include "fleet/postgres_pool.hpp"

#include <algorithm>
#include <charconv>

#include "base/try.hpp"

namespace extreq::fleet {
namespace {

constexpr Clock::Duration first_pause = std::chrono::milliseconds(20);
constexpr Clock::Duration longest_pause = std::chrono::seconds(1);

// libpq ends its messages with a line feed and may write several lines.
std::string one_line(const char* message) {
  std::string text(message == nullptr ? "" : message);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// The parameters in the form that PQexecParams takes: numbers and text as text, bytes as they are.
class Arguments {
 public:
  Arguments(std::initializer_list<PostgresPool::Parameter> parameters) {
    texts_.reserve(parameters.size());  // pointers into it are handed out
    for (const auto& parameter : parameters)
      std::visit([this](auto value) { add(value); }, parameter);
  }

  [[nodiscard]] PGresult* send(PGconn* connection, const char* statement) const {
    return PQexecParams(connection, statement, static_cast<int>(values_.size()), nullptr,
                        values_.data(), lengths_.data(), formats_.data(), 0);
  }

 private:
  void add(std::monostate /*null*/) { append(nullptr, 0, 0); }
  void add(std::int64_t value) { add(std::string_view(std::to_string(value))); }
  void add(std::string_view value) {
    texts_.emplace_back(value);
    append(texts_.back().c_str(), texts_.back().size(), 0);
  }
  void add(ByteView value) {
    texts_.emplace_back(value.begin(), value.end());
    append(texts_.back().data(), texts_.back().size(), 1);
  }
  void append(const char* value, std::size_t length, int format) {
    values_.push_back(value);
    lengths_.push_back(static_cast<int>(length));
    formats_.push_back(format);
  }

  std::vector<std::string> texts_;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
};

}  // namespace

bool PostgresRows::succeeded() const noexcept {
  const ExecStatusType status = PQresultStatus(result_.get());
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

// The connection's loss (08), the server's end or start (57P), a transaction that lost against
// another (40).
bool PostgresRows::passing_failure() const noexcept {
  const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
  if (state == nullptr) return true;
  const std::string_view code(state);
  return code.starts_with("08") || code.starts_with("57P") || code.starts_with("40");
}

std::int64_t PostgresRows::affected() const noexcept {
  const std::string_view text(PQcmdTuples(result_.get()));
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool PostgresRows::is_null(int row, int column) const noexcept {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view PostgresRows::text(int row, int column) const noexcept {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

Result<std::int64_t> PostgresRows::integer(int row, int column) const {
  const std::string_view field = text(row, column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || end != field.data() + field.size()) {
    return fail(Code::invalid_input, "the database: column {} holds \"{}\", wanted an integer",
                column, field);
  }
  return value;
}

Result<Bytes> PostgresRows::bytes(int row, int column) const {
  const std::string_view field = text(row, column);
  if (!field.starts_with("\\x")) {
    return fail(Code::invalid_input, "the database: column {} is no bytea in hexadecimal form",
                column);
  }
  return from_hex(field.substr(2));
}

Result<std::unique_ptr<PostgresPool>> PostgresPool::open(const Options& options) {
  char* problem = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(options.connection.c_str(), &problem);
  const std::string reason = one_line(problem);
  const bool readable = parsed != nullptr;
  PQconninfoFree(parsed);
  PQfreemem(problem);
  if (!readable) return fail(Code::invalid_input, "the database's connection string: {}", reason);
  std::unique_ptr<PostgresPool> pool(new PostgresPool(options));
  EXTREQ_TRY_ASSIGN(auto connection, pool->connect());
  pool->free_.push_back(std::move(connection));
  return pool;
}

Result<PostgresPool::Connection> PostgresPool::connect() const {
  // What comes later in the string goes before what comes earlier: these are defaults only.
  const char* keywords[] = {"connect_timeout", "keepalives_idle", "application_name", "dbname",
                            nullptr};
  const char* values[] = {"5", "10", "extreq", options_.connection.c_str(), nullptr};
  Connection connection(PQconnectdbParams(keywords, values, 1));
  if (connection == nullptr || PQstatus(connection.get()) != CONNECTION_OK) {
    return fail(
        Code::io, "connect to the database: {}",
        one_line(connection == nullptr ? "out of memory" : PQerrorMessage(connection.get())));
  }
  PQsetNoticeProcessor(
      connection.get(), [](void* /*context*/, const char* /*message*/) {}, nullptr);
  return connection;
}

PostgresPool::Connection PostgresPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return taken_ < std::max(options_.connections, 1U); });
  ++taken_;
  if (free_.empty()) return nullptr;
  Connection connection = std::move(free_.back());
  free_.pop_back();
  return connection;
}

void PostgresPool::give_back(Connection connection) {
  {
    const std::lock_guard lock(mutex_);
    --taken_;
    if (connection != nullptr) free_.push_back(std::move(connection));
  }
  returned_.notify_one();
}

// One attempt. `connection` is null if it was lost on the way.
PostgresPool::Attempt PostgresPool::attempt(Connection& connection,
                                            const std::function<PGresult*(PGconn*)>& send) const {
  if (connection == nullptr) {
    auto connected = connect();
    if (!connected) return {std::nullopt, connected.error().message, true};
    connection = *std::move(connected);
  }
  PostgresRows rows(send(connection.get()));
  if (rows.succeeded()) return {std::move(rows), {}, false};
  std::string problem = one_line(PQerrorMessage(connection.get()));
  const bool again = rows.passing_failure() || PQstatus(connection.get()) != CONNECTION_OK;
  if (PQstatus(connection.get()) != CONNECTION_OK) connection.reset();
  return {std::nullopt, std::move(problem), again};
}

Result<PostgresRows> PostgresPool::run(const char* statement,
                                       std::initializer_list<Parameter> parameters) {
  const Arguments arguments(parameters);
  const Clock::TimePoint deadline = options_.clock->now() + options_.patience;
  Clock::Duration pause = first_pause;
  Connection connection = take();
  while (true) {
    auto attempted =
        attempt(connection, [&](PGconn* open) { return arguments.send(open, statement); });
    const bool late = options_.clock->now() >= deadline;
    if (attempted.rows || !attempted.again || late) give_back(std::move(connection));
    if (attempted.rows) return *std::move(attempted.rows);
    if (!attempted.again) {
      return fail(Code::io, "the database refused a statement: {}", attempted.problem);
    }
    if (late) {
      return fail(Code::busy, "the database did not answer in {} s: {}",
                  std::chrono::duration_cast<std::chrono::seconds>(options_.patience).count(),
                  attempted.problem);
    }
    options_.clock->sleep_for(pause);
    pause = std::min(pause * 2, longest_pause);
  }
}

}  // namespace extreq::fleet
