#include "lease/table_shape.hpp"

#include <algorithm>
#include <cstdint>

#include "base/byte_reader.hpp"

namespace extreq::lease {

using abi::ghcb::certificate_table::Entry;

bool is_empty_table(ByteView table) noexcept {
  return table.empty() ||
         (table.size() >= empty_table_size && all_zero(table.first(empty_table_size)));
}

Status check_table_shape(ByteView table) {
  if (is_empty_table(table)) return {};
  ByteReader reader(table);
  std::uint64_t first_data = table.size();
  for (std::size_t index = 0;; ++index) {
    const auto entry = reader.object<Entry>();
    if (!entry) {
      return fail(Code::invalid_input,
                  "certificate table of {} bytes: no end among its {} entries (is it cut off?)",
                  table.size(), index);
    }
    if (all_zero(entry->guid)) break;
    const std::uint64_t end = std::uint64_t{entry->offset} + entry->length;
    if (end > table.size()) {
      return fail(Code::invalid_input,
                  "certificate table of {} bytes: entry {} ends at byte {} (is it cut off?)",
                  table.size(), index, end);
    }
    first_data = std::min(first_data, std::uint64_t{entry->offset});
  }
  if (first_data < reader.position()) {
    return fail(Code::invalid_input,
                "certificate table: data at byte {} lie inside the entries, which end at byte {}",
                first_data, reader.position());
  }
  return {};
}

}  // namespace extreq::lease
