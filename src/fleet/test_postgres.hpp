// A real PostgreSQL of the tests' own: a cluster in a temporary folder, reached by a Unix socket
// in it, without a port. PostgreSQL refuses to run as root: root lets the user postgres do it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/temporary_directory.hpp"

namespace extreq::fleet {

class TestPostgres {
 public:
  // nullopt, with a line that says so, where PostgreSQL is not installed or cannot be run.
  [[nodiscard]] static std::unique_ptr<TestPostgres> start();
  // One for the whole program; nullptr: not to be had.
  [[nodiscard]] static TestPostgres* shared();
  ~TestPostgres();
  TestPostgres(const TestPostgres&) = delete;
  TestPostgres& operator=(const TestPostgres&) = delete;
  TestPostgres(TestPostgres&&) = delete;
  TestPostgres& operator=(TestPostgres&&) = delete;

  // The connection string of a new, empty database.
  [[nodiscard]] std::string new_database();

  void stop();    // all connections break, as when the server crashes
  void resume();  // waits until it answers

 private:
  explicit TestPostgres(TemporaryDirectory folder, std::string programs)
      : folder_(std::move(folder)), programs_(std::move(programs)) {}
  [[nodiscard]] bool run(const std::string& command) const;

  TemporaryDirectory folder_;
  std::string programs_;  // the folder of initdb and postgres
  int databases_ = 0;
};

}  // namespace extreq::fleet
