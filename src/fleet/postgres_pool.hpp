// PostgresPool: a few connections to PostgreSQL, or to what speaks its protocol, through libpq.
//
// Effect: a statement is sent on a free connection; where the connection is lost, the server
// restarts, or the database asks for the transaction again (SQLSTATE 40001, as CockroachDB and
// YugabyteDB do), it is sent again on a new one until `patience` is over. Each statement is a
// transaction of its own, and one that was sent may have been done although its answer was lost:
// statements must mean the same when they are done twice.
// Failure: busy if the database stayed unreachable for `patience`; io for a statement that it
// refused. Both carry its message. Credentials come by libpq's usual means: the connection string,
// PGPASSFILE, PGSERVICE, certificates; no message of ours repeats them.
// Lifetime: `clock` must outlive the pool. Threading: any thread; statements of more threads than
// there are connections wait for each other. A child of fork() opens its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <libpq-fe.h>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace extreq::fleet {

// The answer to one statement. Fields are asked for by row and column; the statement's author knows
// which there are and of what type.
class PostgresRows {
 public:
  explicit PostgresRows(PGresult* result) noexcept : result_(result) {}

  [[nodiscard]] bool succeeded() const noexcept;
  // It did not succeed, but may if it is sent again.
  [[nodiscard]] bool passing_failure() const noexcept;

  [[nodiscard]] int size() const noexcept { return PQntuples(result_.get()); }
  // Rows that an INSERT, UPDATE or DELETE touched.
  [[nodiscard]] std::int64_t affected() const noexcept;
  [[nodiscard]] bool is_null(int row, int column) const noexcept;
  [[nodiscard]] std::string_view text(int row, int column) const noexcept;
  // Failure of both: invalid_input if the field is not of that type.
  [[nodiscard]] Result<std::int64_t> integer(int row, int column) const;
  [[nodiscard]] Result<Bytes> bytes(int row, int column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

class PostgresPool {
 public:
  struct Options {
    std::string connection;  // "postgresql://…" or "host=… dbname=…"; empty: libpq's environment
    unsigned connections = 4;
    Clock::Duration patience = std::chrono::seconds(30);
    Clock* clock = &system_clock();
  };
  // A parameter $1, $2, ...: NULL, a number, text or a bytea.
  using Parameter = std::variant<std::monostate, std::int64_t, std::string_view, ByteView>;

  // Connects once, so that a wrong name or password is told at once and not after `patience`.
  // Failure: invalid_input for a connection string that libpq cannot read; io.
  [[nodiscard]] static Result<std::unique_ptr<PostgresPool>> open(const Options& options);

  [[nodiscard]] Result<PostgresRows> run(const char* statement,
                                         std::initializer_list<Parameter> parameters = {});

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  using Connection = std::unique_ptr<PGconn, Finish>;

  struct Attempt {
    std::optional<PostgresRows> rows;
    std::string problem;  // without rows
    bool again = false;   // without rows: worth another attempt
  };

  explicit PostgresPool(Options options) : options_(std::move(options)) {}
  [[nodiscard]] Result<Connection> connect() const;
  [[nodiscard]] Attempt attempt(Connection& connection,
                                const std::function<PGresult*(PGconn*)>& send) const;
  [[nodiscard]] Connection take();
  void give_back(Connection connection);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<Connection> free_;
  unsigned taken_ = 0;
};

}  // namespace extreq::fleet
