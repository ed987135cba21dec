#include "guest/ghcb_exchange.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "abi/ghcb.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;

struct Range {
  const char* name;
  std::uint64_t gpa;
  std::uint64_t pages;
};

void set(ghcb::Page& page, abi::Le64& field, std::size_t at, std::uint64_t value) {
  field = value;
  ghcb::mark_valid(page.valid_bitmap, at);
}

}  // namespace

Status check(const SharedPages& pages) {
  std::array ranges{Range{"GHCB", pages.ghcb, 1}, Range{"request page", pages.request, 1},
                    Range{"response page", pages.response, 1},
                    Range{"certificate pages", pages.certificates, pages.certificate_pages}};
  for (const Range& range : ranges) {
    if (range.gpa % ghcb::page_size != 0) {
      return fail(Code::invalid_input, "{} at {:#x}: not page aligned", range.name, range.gpa);
    }
    if (range.pages > (std::numeric_limits<std::uint64_t>::max() - range.gpa) / ghcb::page_size) {
      return fail(Code::invalid_input, "{}: {} pages at {:#x} wrap around", range.name, range.pages,
                  range.gpa);
    }
  }
  std::ranges::sort(ranges, {}, &Range::gpa);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const Range& lower = ranges.at(i - 1);
    const Range& upper = ranges.at(i);
    // A range of no pages overlaps nothing.
    if (upper.pages != 0 && lower.gpa + lower.pages * ghcb::page_size > upper.gpa) {
      return fail(Code::invalid_input, "{} at {:#x} and {} at {:#x} overlap", lower.name, lower.gpa,
                  upper.name, upper.gpa);
    }
  }
  return {};
}

Status GhcbExchange::place(message::PageView message, std::optional<std::uint64_t> table_pages) {
  constexpr std::array<std::uint8_t, abi::snp::page_size> zeros{};
  EXTREQ_TRY(port_->write(pages_.request, message));
  EXTREQ_TRY(port_->write(pages_.response, zeros));

  ghcb::Page page;
  page.protocol_version = ghcb::protocol_version_max;
  page.usage = ghcb::usage_standard;
  set(page, page.sw_exitcode, offsetof(abi::ghcb::Page, sw_exitcode),
      table_pages ? ghcb::event::extended_guest_request : ghcb::event::guest_request);
  set(page, page.sw_exitinfo1, offsetof(abi::ghcb::Page, sw_exitinfo1), pages_.request);
  set(page, page.sw_exitinfo2, offsetof(abi::ghcb::Page, sw_exitinfo2), pages_.response);
  if (table_pages) {
    set(page, page.rax, offsetof(abi::ghcb::Page, rax), pages_.certificates);
    set(page, page.rbx, offsetof(abi::ghcb::Page, rbx), *table_pages);
    // So that a host which writes no table leaves an empty one, not the last request's.
    if (*table_pages != 0) {
      EXTREQ_TRY(port_->write(pages_.certificates,
                              ByteView(zeros).first(ghcb::certificate_table::empty_table_size)));
    }
  }
  return port_->write(pages_.ghcb, ByteBuilder(sizeof(page)).object(page).view());
}

Result<GhcbReturn> GhcbExchange::exit(ExitKind kind) {
  EXTREQ_TRY(port_->vmgexit(pages_.ghcb));
  EXTREQ_TRY_ASSIGN(const std::uint64_t info1, read_field(offsetof(abi::ghcb::Page, sw_exitinfo1)));
  EXTREQ_TRY_ASSIGN(const std::uint64_t info2, read_field(offsetof(abi::ghcb::Page, sw_exitinfo2)));
  std::uint64_t rbx = 0;
  if (kind == ExitKind::extended) {
    EXTREQ_TRY_ASSIGN(rbx, read_field(offsetof(abi::ghcb::Page, rbx)));
  }
  // The inputs of the exit, unchanged: with a request page at a multiple of 4 GiB they would read
  // like an answer.
  if (info1 == pages_.request && info2 == pages_.response) {
    return GhcbReturn{.why = "the host resumed the guest without an answer"};
  }
  return read_answer(kind, info1, info2, rbx);
}

Result<message::Page> GhcbExchange::fetch_response() {
  message::Page page;
  EXTREQ_TRY(port_->read(pages_.response, page));
  return page;
}

Result<Bytes> GhcbExchange::fetch_table(std::uint64_t table_pages) {
  Bytes table(static_cast<std::size_t>(table_pages) * ghcb::page_size);
  EXTREQ_TRY(port_->read(pages_.certificates, table));
  return table;
}

Result<std::uint64_t> GhcbExchange::read_field(std::size_t at) {
  std::array<std::uint8_t, sizeof(abi::Le64)> bytes{};
  EXTREQ_TRY(port_->read(pages_.ghcb + at, bytes));
  return ByteReader(bytes).u64().value_or(0);  // eight bytes always hold one
}

}  // namespace extreq::guest
