// SQLite behind the project's failures: a connection, and statements that bind and read bytes.
//
// Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace extreq::host {

// "disk full" and the like become io with SQLite's words; a file that is no database or is damaged
// becomes invalid_input, a lock that does not come free becomes busy.
class SqliteStatement {
 public:
  // Parameters are numbered from 1, columns from 0. Bytes and text are copied.
  SqliteStatement& bind(int parameter, std::int64_t value);
  SqliteStatement& bind(int parameter, ByteView value);

  // True: there is a row. Failure: as above, and what bind() could not do.
  [[nodiscard]] Result<bool> step();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] Bytes bytes(int column) const;

 private:
  friend class SqliteDatabase;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  SqliteStatement(sqlite3_stmt* statement, const std::string& name) noexcept
      : statement_(statement), name_(name) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const std::string& name_;
  int bound_ = 0;  // the first failure of bind()
};

class SqliteDatabase {
 public:
  // Creates the file, mode 0640, if it is missing; its folder must exist.
  [[nodiscard]] static Result<SqliteDatabase> open(const std::string& path);

  // Lifetime: must not outlive the database.
  [[nodiscard]] Result<SqliteStatement> prepare(std::string_view sql);

  // One or several statements whose rows nobody wants.
  [[nodiscard]] Status execute(const std::string& sql);

  [[nodiscard]] const std::string& path() const noexcept { return *path_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const noexcept;
  };
  SqliteDatabase(sqlite3* database, const std::string& path)
      : database_(database), path_(std::make_unique<const std::string>(path)) {}

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<const std::string> path_;  // statements refer to it, wherever this is moved
};

}  // namespace extreq::host
