// What the tests of this folder share: tables that show whether they are torn, and children.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::lease::test {

// A whole table of two entries whose data are `data_size` bytes of `fill`.
inline Bytes table_of(std::uint8_t fill, std::size_t data_size) {
  using abi::ghcb::certificate_table::Entry;
  Entry leaf;
  leaf.guid = abi::ghcb::certificate_table::guid_vcek;
  leaf.offset = static_cast<std::uint32_t>(3 * sizeof(Entry));
  leaf.length = static_cast<std::uint32_t>(data_size / 2);
  Entry issuer;
  issuer.guid = abi::ghcb::certificate_table::guid_ask;
  issuer.offset = leaf.offset + leaf.length;
  issuer.length = static_cast<std::uint32_t>(data_size - data_size / 2);
  ByteBuilder builder;
  builder.object(leaf).object(issuer).zeros(sizeof(Entry)).bytes(Bytes(data_size, fill));
  return builder.take();
}

// The fill of a table that table_of() made; nothing if it is not one, as it was made, whole.
inline std::optional<std::uint8_t> fill_of(ByteView table) {
  constexpr std::size_t head = 3 * sizeof(abi::ghcb::certificate_table::Entry);
  if (table.size() <= head) return std::nullopt;
  const std::uint8_t fill = table.back();
  const Bytes expected = table_of(fill, table.size() - head);
  if (!std::equal(table.begin(), table.end(), expected.begin(), expected.end())) {
    return std::nullopt;
  }
  return fill;
}

inline Bytes copy(ByteView view) { return {view.begin(), view.end()}; }

class FolderTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create("extreq-lease");
    ASSERT_TRUE(folder) << folder.error().message;
    folder_.emplace(*std::move(folder));
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_->path() + "/" + name;
  }
  [[nodiscard]] std::string blob() const { return path("host.blob"); }

 private:
  std::optional<TemporaryDirectory> folder_;
};

// Runs `body` in a forked child; gives what it returns (0..255), or -1 if it did not end by itself.
inline int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace extreq::lease::test
