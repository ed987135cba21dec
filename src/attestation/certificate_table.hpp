// CertificateTable: what an extended guest request hands over beside the report: certificates, each
// under a GUID (GHCB specification, "SNP Extended Guest Request"; doc/certificate-table.md).
//
// The host writes the table and the guest reads it, so parse() believes nothing: its time and
// memory are bounded by the size of the view, whatever the bytes say.
// Lifetime: a table owns its bytes; the view may go after parse().
// Threading: const objects may be used from any number of threads.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abi/ghcb.hpp"
#include "base/bytes.hpp"

namespace extreq::attestation {

using Guid = abi::ghcb::certificate_table::Guid;

// "63da758d-e664-4564-adc5-f4b93be8accd"
[[nodiscard]] std::string to_text(const Guid& guid);
// Exactly what to_text() writes. Failure: invalid_input.
[[nodiscard]] Result<Guid> guid_from_text(std::string_view text);

// "VCEK", "VLEK", "ASK or ASVK", "ARK", "CRL"; nothing for a GUID that is not the specification's.
[[nodiscard]] std::optional<std::string_view> certificate_name(const Guid& guid) noexcept;

class CertificateTable {
 public:
  struct Entry {
    Guid guid{};
    Bytes data;
  };

  // Far above what any host serves (six), far below what makes a search slow.
  static constexpr std::size_t max_entries = 64;

  CertificateTable() = default;  // the empty table

  // A view of no bytes is an empty table, as is one that starts with 24 zero bytes. Entries under
  // unknown GUIDs are kept. Bytes that no entry names are not looked at.
  // Failure: invalid_input, naming the entry: no end before the end of the view; more than
  // max_entries; data that reaches past the view, into the entries or into other data; a GUID
  // twice; no data; a nil GUID with offset or length; a specified GUID in the byte order of
  // Microsoft's structures, which no reader would find.
  [[nodiscard]] static Result<CertificateTable> parse(ByteView bytes);

  // In the order of the table.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

  // The data under `guid`: valid as long as the table; nothing if there is none.
  [[nodiscard]] std::optional<ByteView> find(const Guid& guid) const noexcept;

 private:
  std::vector<Entry> entries_;
};

// Builds the bytes that parse() reads. The same entries in the same order give the same bytes.
class CertificateTableBuilder {
 public:
  // Failure: invalid_input for what parse() would refuse: a nil or repeated GUID, no data, too many
  // entries, more than 32 bits can address. The builder is then as it was.
  [[nodiscard]] Status add(const Guid& guid, ByteView data);

  // Entries, the end of zeros, then the data without gaps. With no entries: 24 zero bytes.
  [[nodiscard]] Bytes build() const;

 private:
  [[nodiscard]] std::size_t size_with(std::size_t more_entries,
                                      std::size_t more_data) const noexcept;

  std::vector<CertificateTable::Entry> entries_;
  std::size_t data_size_ = 0;
};

// The bytes of a table with these entries, as the builder makes them; none for the empty table.
[[nodiscard]] Bytes bytes_of(const CertificateTable& table);

// How many 4 KiB pages hold `size` bytes: what a host asks of a guest whose buffer is too small.
[[nodiscard]] std::size_t pages_for(std::size_t size) noexcept;

}  // namespace extreq::attestation
