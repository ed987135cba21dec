#include "attestation/certificate_table.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/printable.hpp"

namespace extreq::attestation {
namespace {

namespace layout = abi::ghcb::certificate_table;

struct KnownGuid {
  Guid guid;
  std::string_view name;
};

constexpr std::array known_guids{
    KnownGuid{layout::guid_vcek, "VCEK"}, KnownGuid{layout::guid_vlek, "VLEK"},
    KnownGuid{layout::guid_ask, "ASK or ASVK"}, KnownGuid{layout::guid_ark, "ARK"},
    KnownGuid{layout::guid_crl, "CRL"}};

// The first three fields of Microsoft's GUID structure are little-endian integers.
constexpr Guid swapped(Guid guid) noexcept {
  std::reverse(guid.begin(), guid.begin() + 4);
  std::reverse(guid.begin() + 4, guid.begin() + 6);
  std::reverse(guid.begin() + 6, guid.begin() + 8);
  return guid;
}

struct Range {
  std::size_t begin;
  std::size_t end;
  std::size_t entry;
};

Status check_guid(const Guid& guid, std::size_t index) {
  if (const auto name = certificate_name(swapped(guid))) {
    return fail(Code::invalid_input,
                "certificate table: entry {} has the GUID of {} with its first three fields "
                "byte-swapped; {} must be stored in the order in which it is written",
                index, *name, to_text(swapped(guid)));
  }
  return {};
}

// The entries up to the end, none of them checked yet beyond their number.
Result<std::vector<layout::Entry>> read_entries(ByteReader& reader) {
  std::vector<layout::Entry> entries;
  for (;;) {
    const auto entry = reader.object<layout::Entry>();
    if (!entry) {
      return fail(Code::invalid_input,
                  "certificate table: {} entries and no end of 24 zero bytes before the end of the "
                  "buffer",
                  entries.size());
    }
    if (all_zero(entry->guid)) {
      if (entry->offset == 0U && entry->length == 0U) return entries;
      return fail(Code::invalid_input,
                  "certificate table: entry {} has a nil GUID but offset {:#x} and length {:#x}",
                  entries.size(), entry->offset.get(), entry->length.get());
    }
    if (entries.size() == CertificateTable::max_entries) {
      return fail(Code::invalid_input, "certificate table: more than {} entries",
                  CertificateTable::max_entries);
    }
    entries.push_back(*entry);
  }
}

// Where each entry's data lies, in the order of the entries. `data_begin` is where the entries end.
Result<std::vector<Range>> locate(const std::vector<layout::Entry>& entries, std::size_t data_begin,
                                  std::size_t size) {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::size_t offset = entries[i].offset;
    const std::size_t length = entries[i].length;
    if (length == 0) {
      return fail(Code::invalid_input, "certificate table: entry {} has no data", i);
    }
    if (offset < data_begin) {
      return fail(
          Code::invalid_input,
          "certificate table: entry {} has its data at {:#x}, inside the entries, which end "
          "at {:#x}",
          i, offset, data_begin);
    }
    if (offset > size || length > size - offset) {
      return fail(Code::invalid_input,
                  "certificate table: entry {} has {:#x} bytes at {:#x}, past the end at {:#x}", i,
                  length, offset, size);
    }
    ranges.push_back({offset, offset + length, i});
  }
  return ranges;
}

Status check_disjoint(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::begin);
  const auto overlap = std::ranges::adjacent_find(
      ranges, [](const Range& a, const Range& b) { return a.end > b.begin; });
  if (overlap == ranges.end()) return {};
  return fail(Code::invalid_input, "certificate table: the data of entries {} and {} overlap",
              overlap->entry, std::next(overlap)->entry);
}

template <class Entries>
std::optional<std::size_t> index_of(const Entries& entries, const Guid& guid) noexcept {
  const auto found =
      std::ranges::find_if(entries, [&](const auto& entry) { return entry.guid == guid; });
  if (found == entries.end()) return std::nullopt;
  return static_cast<std::size_t>(found - entries.begin());
}

}  // namespace

std::string to_text(const Guid& guid) {
  std::string text = to_hex(guid);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

Result<Guid> guid_from_text(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '-');
  const auto bytes = from_hex(digits);
  Guid guid{};
  if (bytes && bytes->size() == guid.size()) std::ranges::copy(*bytes, guid.begin());
  if (!bytes || to_text(guid) != text) {
    return fail(Code::invalid_input, "\"{}\" found, a GUID in lower case wanted",
                printable(text, 40));
  }
  return guid;
}

std::optional<std::string_view> certificate_name(const Guid& guid) noexcept {
  const auto index = index_of(known_guids, guid);
  if (!index) return std::nullopt;
  return known_guids.at(*index).name;
}

Result<CertificateTable> CertificateTable::parse(ByteView bytes) {
  CertificateTable table;
  if (bytes.empty()) return table;
  ByteReader reader(bytes);
  const auto entries = read_entries(reader);
  if (!entries) return tl::unexpected(entries.error());
  const auto ranges = locate(*entries, reader.position(), bytes.size());
  if (!ranges) return tl::unexpected(ranges.error());
  if (auto status = check_disjoint(*ranges); !status) {
    return tl::unexpected(std::move(status).error());
  }
  for (const Range& range : *ranges) {
    const Guid& guid = entries->at(range.entry).guid;
    if (auto status = check_guid(guid, range.entry); !status) {
      return tl::unexpected(std::move(status).error());
    }
    if (const auto first = index_of(table.entries_, guid)) {
      return fail(Code::invalid_input, "certificate table: entries {} and {} have the GUID {}",
                  *first, range.entry, to_text(guid));
    }
    const ByteView data = bytes.subspan(range.begin, range.end - range.begin);
    table.entries_.push_back({guid, Bytes(data.begin(), data.end())});
  }
  return table;
}

std::optional<ByteView> CertificateTable::find(const Guid& guid) const noexcept {
  const auto index = index_of(entries_, guid);
  if (!index) return std::nullopt;
  return ByteView(entries_[*index].data);
}

Status CertificateTableBuilder::add(const Guid& guid, ByteView data) {
  if (all_zero(guid)) return fail(Code::invalid_input, "certificate table: a nil GUID is its end");
  if (data.empty()) {
    return fail(Code::invalid_input, "certificate table: no data for {}", to_text(guid));
  }
  if (auto status = check_guid(guid, entries_.size()); !status) return status;
  if (index_of(entries_, guid)) {
    return fail(Code::invalid_input, "certificate table: {} is in it already", to_text(guid));
  }
  if (entries_.size() == CertificateTable::max_entries) {
    return fail(Code::invalid_input, "certificate table: {} entries are the most it may have",
                CertificateTable::max_entries);
  }
  constexpr std::size_t limit = std::numeric_limits<std::uint32_t>::max();
  if (data.size() > limit || size_with(1, data.size()) > limit) {
    return fail(Code::invalid_input,
                "certificate table: {} bytes for {} are more than 32 bits "
                "address",
                data.size(), to_text(guid));
  }
  entries_.push_back({guid, Bytes(data.begin(), data.end())});
  data_size_ += data.size();
  return {};
}

Bytes CertificateTableBuilder::build() const {
  ByteBuilder builder(size_with(0, 0));
  std::size_t offset = (entries_.size() + 1) * sizeof(layout::Entry);
  for (const auto& [guid, data] : entries_) {
    layout::Entry entry;
    entry.guid = guid;
    entry.offset = static_cast<std::uint32_t>(offset);
    entry.length = static_cast<std::uint32_t>(data.size());
    builder.object(entry);
    offset += data.size();
  }
  builder.object(layout::Entry{});
  for (const auto& entry : entries_) builder.bytes(entry.data);
  return builder.take();
}

std::size_t CertificateTableBuilder::size_with(std::size_t more_entries,
                                               std::size_t more_data) const noexcept {
  return (entries_.size() + more_entries + 1) * sizeof(layout::Entry) + data_size_ + more_data;
}

Bytes bytes_of(const CertificateTable& table) {
  if (table.empty()) return {};
  CertificateTableBuilder builder;
  for (const auto& entry : table.entries()) {
    // A table that was parsed has nothing that the builder refuses.
    if (!builder.add(entry.guid, entry.data)) return {};
  }
  return builder.build();
}

std::size_t pages_for(std::size_t size) noexcept {
  return size / abi::ghcb::page_size + (size % abi::ghcb::page_size == 0 ? 0 : 1);
}

}  // namespace extreq::attestation
