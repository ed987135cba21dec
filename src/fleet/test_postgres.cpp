#include "fleet/test_postgres.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace extreq::fleet {
namespace {

namespace fs = std::filesystem;

std::string find_programs() {
  std::error_code none;
  std::string newest;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const fs::path bin = version.path() / "bin";
    if (fs::exists(bin / "initdb", none) && bin.string() > newest) newest = bin;
  }
  return newest;
}

void say_skipped(const char* why) {
  std::fprintf(stderr, "*** SKIPPED, NOT TESTED: no PostgreSQL to test with: %s\n", why);
}

}  // namespace

bool TestPostgres::run(const std::string& command) const {
  const std::string line =
      ::geteuid() == 0
          ? fmt::format("cd {} && runuser -u postgres -- {} >>{}/log 2>&1", folder_.path(), command,
                        folder_.path())
          : fmt::format("cd {} && {} >>{}/log 2>&1", folder_.path(), command, folder_.path());
  return std::system(line.c_str()) == 0;  // NOLINT(cert-env33-c): our own words alone
}

std::unique_ptr<TestPostgres> TestPostgres::start() {
  const std::string programs = find_programs();
  if (programs.empty()) {
    say_skipped("not installed");
    return nullptr;
  }
  auto folder = TemporaryDirectory::create("extreq-pg");
  if (!folder) {
    say_skipped(folder.error().message.c_str());
    return nullptr;
  }
  if (::geteuid() == 0) {
    const passwd* user = ::getpwnam("postgres");
    if (user == nullptr || ::chown(folder->path().c_str(), user->pw_uid, user->pw_gid) != 0) {
      say_skipped("root cannot become the user postgres");
      return nullptr;
    }
  }
  std::unique_ptr<TestPostgres> server(new TestPostgres(*std::move(folder), programs));
  const std::string data = server->folder_.path() + "/data";
  if (!server->run(
          fmt::format("{}/initdb -D {} -A trust -U extreq --no-sync --locale=C", programs, data))) {
    say_skipped("initdb failed");
    return nullptr;
  }
  server->resume();
  return server;
}

TestPostgres* TestPostgres::shared() {
  static const std::unique_ptr<TestPostgres> server = start();
  return server.get();
}

TestPostgres::~TestPostgres() { stop(); }

void TestPostgres::stop() {
  (void)run(fmt::format("{}/pg_ctl -D {}/data -m immediate -w stop", programs_, folder_.path()));
}

void TestPostgres::resume() {
  // fsync off: the server's crash is tested, the machine's is PostgreSQL's business.
  if (!run(fmt::format("{}/pg_ctl -D {}/data -w -l {}/server.log -o \"-k {} -h '' -F "
                       "-c max_connections=40\" start",
                       programs_, folder_.path(), folder_.path(), folder_.path()))) {
    say_skipped("the server did not start");
  }
}

std::string TestPostgres::new_database() {
  const std::string name = fmt::format("test{}", ++databases_);
  if (!run(fmt::format("{}/createdb -h {} -U extreq {}", programs_, folder_.path(), name))) {
    say_skipped("createdb failed");
  }
  return fmt::format("host={} user=extreq dbname={}", folder_.path(), name);
}

}  // namespace extreq::fleet
