#include "host/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include "base/unique_fd.hpp"

namespace extreq::host {
namespace {

constexpr int busy_timeout_ms = 5000;
constexpr unsigned file_mode = 0640;

Code code_of(int result) {
  switch (result & 0xFF) {  // the low byte is the primary result code
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::invalid_input;
    default:
      return Code::io;
  }
}

tl::unexpected<Error> failed(const std::string& path, sqlite3* database, int result) {
  const Code code = code_of(result);
  const char* const words = database != nullptr && sqlite3_errcode(database) != SQLITE_OK
                                ? sqlite3_errmsg(database)
                                : sqlite3_errstr(result);
  const char* const remedy =
      code == Code::invalid_input
          ? "; move the file away: what it held can be fetched or imported again"
          : "";
  return fail(code, "store {}: {}{}", path, words, remedy);
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void SqliteDatabase::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

SqliteStatement& SqliteStatement::bind(int parameter, std::int64_t value) {
  const int result = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (bound_ == SQLITE_OK) bound_ = result;
  return *this;
}

SqliteStatement& SqliteStatement::bind(int parameter, ByteView value) {
  // A null pointer would bind NULL, which no empty value is.
  static constexpr std::uint8_t none = 0;
  const int result =
      sqlite3_bind_blob64(statement_.get(), parameter, value.empty() ? &none : value.data(),
                          value.size(), SQLITE_TRANSIENT);  // NOLINT: SQLite's own cast
  if (bound_ == SQLITE_OK) bound_ = result;
  return *this;
}

Result<bool> SqliteStatement::step() {
  sqlite3* const database = sqlite3_db_handle(statement_.get());
  if (bound_ != SQLITE_OK) return failed(name_, database, bound_);
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return failed(name_, database, result);
}

std::int64_t SqliteStatement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

Bytes SqliteStatement::bytes(int column) const {
  const auto* const data =
      static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, data + sqlite3_column_bytes(statement_.get(), column)};
}

Result<SqliteDatabase> SqliteDatabase::open(const std::string& path) {
  {
    // SQLite would make it as the umask says; its journals get the mode of the file.
    const UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode));
    if (!made && errno != EEXIST) return fail_errno("store {}", path);
  }
  sqlite3* raw = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  SqliteDatabase database(raw, path);
  if (result != SQLITE_OK) return failed(path, raw, result);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, busy_timeout_ms);
  return database;
}

Result<SqliteStatement> SqliteDatabase::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (result != SQLITE_OK) return failed(path(), database_.get(), result);
  return SqliteStatement(statement, path());
}

Status SqliteDatabase::execute(const std::string& sql) {
  const int result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return failed(path(), database_.get(), result);
  return {};
}

}  // namespace extreq::host
