// Where the reports of a batch come from. Threading: one thread.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::cli {

// One input: a report, or a report and the certificate table right behind it. `bytes` fails where
// the file of that name cannot be read.
struct BatchInput {
  std::string name;  // of the file; empty in a stream
  Result<Bytes> bytes;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // nullopt: that was all.
  [[nodiscard]] virtual std::optional<BatchInput> next() = 0;
  // How many there will be, if that is known.
  [[nodiscard]] virtual std::optional<std::size_t> count() const { return std::nullopt; }
};

// `source`: a folder (its files, by name), a file of reports one after the other, or "-" for
// standard input alike. Failure: not_found, io.
[[nodiscard]] Result<std::unique_ptr<BatchSource>> open_batch(const std::string& source);

// The regular files of a folder, sorted. Failure: as the operating system's.
[[nodiscard]] Result<std::vector<std::string>> files_in(const std::string& folder);

}  // namespace extreq::cli
