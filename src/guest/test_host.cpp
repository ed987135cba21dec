#include "guest/test_host.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "attestation/certificate_table.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;
namespace request = abi::ghcb::guest_request;

message::Responder::Keys keys_with(std::uint8_t key) {
  return {test_key(0xF0), test_key(key), test_key(0xF2), test_key(0xF3)};
}

std::optional<std::uint64_t> if_valid(const ghcb::Page& page, std::size_t offset,
                                      std::uint64_t value) {
  if (!ghcb::is_valid(page.valid_bitmap, offset)) return std::nullopt;
  return value;
}

}  // namespace

message::Vmpck test_key(std::uint8_t fill) {
  message::Vmpck key;
  std::ranges::fill(key.mutable_view(), fill);
  return key;
}

TestHost::TestHost(const SharedPages& pages, std::uint8_t key, std::uint64_t last_seqno)
    : pages_(pages), key_(key), responder_(keys_with(key), {0, last_seqno, 0, 0}) {
  firmware = [this](const message::Request& asked) { return default_payload(asked); };
  for (const std::uint64_t gpa : {pages.ghcb, pages.request, pages.response}) {
    memory_[gpa] = Bytes(ghcb::page_size, 0xEE);
  }
  if (pages.certificate_pages != 0) {
    memory_[pages.certificates] = Bytes(pages.certificate_pages * ghcb::page_size, 0xEE);
  }
}

std::uint8_t* TestHost::find(std::uint64_t gpa, std::size_t length) {
  auto next = memory_.upper_bound(gpa);
  if (next == memory_.begin()) return nullptr;
  auto& [start, bytes] = *std::prev(next);
  const std::uint64_t at = gpa - start;
  if (at > bytes.size() || length > bytes.size() - at) return nullptr;
  return bytes.data() + at;
}

Status TestHost::read(std::uint64_t gpa, MutableByteView to) {
  if (read_error) return tl::unexpected(*read_error);
  const std::uint8_t* from = find(gpa, to.size());
  if (from == nullptr) {
    ADD_FAILURE() << "the guest reads " << to.size() << " bytes at " << std::hex << gpa;
    return fail(Code::io, "outside");
  }
  for (const auto& [begin, end] : read_since_exit_) {
    if (gpa < end && begin < gpa + to.size()) {
      ADD_FAILURE() << "the guest reads shared bytes at " << std::hex << gpa << " twice";
    }
  }
  read_since_exit_.emplace_back(gpa, gpa + to.size());
  std::copy_n(from, to.size(), to.begin());
  return {};
}

Status TestHost::write(std::uint64_t gpa, ByteView from) {
  if (write_error) return tl::unexpected(*write_error);
  std::uint8_t* to = find(gpa, from.size());
  if (to == nullptr) {
    ADD_FAILURE() << "the guest writes " << from.size() << " bytes at " << std::hex << gpa;
    return fail(Code::io, "outside");
  }
  std::ranges::copy(from, to);
  return {};
}

Status TestHost::vmgexit(std::uint64_t ghcb_msr) {
  EXPECT_EQ(ghcb_msr, pages_.ghcb);
  read_since_exit_.clear();
  if (exits.size() == exits_max) {
    ADD_FAILURE() << "the guest exits without end";
    return fail(Code::closed, "too many exits");
  }
  const Bytes ghcb_bytes = get(pages_.ghcb, ghcb::page_size);
  const auto page = *ByteReader(ghcb_bytes).object<ghcb::Page>();
  EXPECT_EQ(page.protocol_version, ghcb::protocol_version_max);
  EXPECT_EQ(page.usage, ghcb::usage_standard);
  Exit exit{.code = page.sw_exitcode,
            .info1 = page.sw_exitinfo1,
            .info2 = page.sw_exitinfo2,
            .rax = if_valid(page, offsetof(abi::ghcb::Page, rax), page.rax),
            .rbx = if_valid(page, offsetof(abi::ghcb::Page, rbx), page.rbx),
            .request = {}};
  for (const std::size_t field :
       {offsetof(abi::ghcb::Page, sw_exitcode), offsetof(abi::ghcb::Page, sw_exitinfo1),
        offsetof(abi::ghcb::Page, sw_exitinfo2)}) {
    EXPECT_TRUE(ghcb::is_valid(page.valid_bitmap, field)) << field;
  }
  EXPECT_EQ(exit.info1, pages_.request);
  EXPECT_EQ(exit.info2, pages_.response);
  std::ranges::copy(get(exit.info1, exit.request.size()), exit.request.begin());
  record(exit);
  exits.push_back(exit);
  if (vmgexit_error) return tl::unexpected(*vmgexit_error);
  if (!script.empty()) {
    const Step step = std::move(script.front());
    script.pop_front();
    step(*this, exit);
  } else if (otherwise) {
    otherwise(*this, exit);
  } else {
    honest(exit);
  }
  return {};
}

void TestHost::record(const Exit& exit) {
  const auto header = *ByteReader(exit.request).object<snp::MessageHeader>();
  EXPECT_EQ(header.msg_vmpck, test_vmpck);
  EXPECT_EQ(header.msg_seqno % 2, 1U) << "requests have odd numbers";
  const auto [at, first] = emitted->emplace(std::pair(key_, header.msg_seqno.get()), exit.request);
  if (!first) {
    EXPECT_EQ(at->second, exit.request)
        << "two messages under sequence number " << header.msg_seqno.get();
  }
}

void TestHost::honest(const Exit& exit) {
  if (exit.extended()) {
    const std::uint64_t offered = exit.rbx.value_or(0);
    if (table.size() > offered * ghcb::page_size) {
      set_rbx(attestation::pages_for(table.size()));
      vmm_error(request::vmm_error_invalid_len);
      return;
    }
    if (!table.empty()) {
      put_table(exit, table);
    } else if (offered != 0) {
      put_table(exit, Bytes(ghcb::certificate_table::empty_table_size));
    }
  }
  const auto page = ask_firmware(exit);
  if (page) put(exit.info2, *page);
  answer(ghcb::answer::no_action,
         page ? 0 : static_cast<std::uint64_t>(snp::CommandStatus::invalid_param));
}

void TestHost::respond(const Exit& exit) {
  if (const auto page = ask_firmware(exit)) put(exit.info2, *page);
}

std::optional<message::Page> TestHost::ask_firmware(const Exit& exit) {
  ++firmware_calls;
  const auto opened = responder_.open(exit.request);
  if (!opened) return std::nullopt;
  message::Page page;
  if (!responder_.respond(opened->envelope, firmware(*opened), page)) return std::nullopt;
  return page;
}

Bytes TestHost::default_payload(const message::Request& asked) {
  if (asked.envelope.type == snp::MessageType::key_req) {
    snp::KeyResponse response;
    response.derived_key.fill(0x5C);
    return ByteBuilder().object(response).take();
  }
  const auto fields = ByteReader(asked.payload).object<snp::ReportRequest>();
  if (!fields) return Bytes(4);
  snp::ReportResponse response;
  response.report_size = sizeof(snp::AttestationReport);
  response.report.version = 3;
  response.report.report_data = fields->report_data;
  response.report.vmpl = fields->vmpl;
  response.report.guest_svn = static_cast<std::uint32_t>(reports.size() + 1);  // tells them apart
  reports.push_back(ByteBuilder().object(response.report).take());
  return ByteBuilder().object(response).take();
}

void TestHost::answer(std::uint64_t info1, std::uint64_t info2) {
  put(pages_.ghcb + offsetof(abi::ghcb::Page, sw_exitinfo1),
      ByteBuilder().u64(info1).u64(info2).view());
}

void TestHost::vmm_error(std::uint32_t error, std::uint32_t status) {
  answer(ghcb::answer::no_action, request::encode_exitinfo2(error, status));
}

void TestHost::set_rbx(std::uint64_t pages) {
  put(pages_.ghcb + offsetof(abi::ghcb::Page, rbx), ByteBuilder().u64(pages).view());
}

void TestHost::put(std::uint64_t gpa, ByteView bytes) {
  std::uint8_t* to = find(gpa, bytes.size());
  ASSERT_NE(to, nullptr);
  std::ranges::copy(bytes, to);
}

Bytes TestHost::get(std::uint64_t gpa, std::size_t length) {
  const std::uint8_t* from = find(gpa, length);
  if (from == nullptr) {
    ADD_FAILURE() << "no shared memory at " << std::hex << gpa;
    return Bytes(length);
  }
  return {from, from + length};
}

void TestHost::put_table(const Exit& exit, ByteView bytes) {
  ASSERT_TRUE(exit.rax);
  put(*exit.rax, bytes);
}

message::Requester test_requester(std::uint8_t key, std::uint64_t last_seqno) {
  return {test_key(key), test_vmpck, last_seqno};
}

std::unique_ptr<GhcbChannel> test_channel(TestHost& host, Clock& clock,
                                          GhcbChannel::Options options) {
  auto channel =
      GhcbChannel::create(test_requester(), host, host.pages(), clock, std::move(options));
  return channel ? *std::move(channel) : nullptr;
}

ReportQuery test_query(std::uint8_t fill) {
  ReportQuery query;
  query.report_data.fill(fill);
  query.vmpl = 1;
  return query;
}

Bytes test_table(std::size_t size) {
  attestation::CertificateTableBuilder builder;
  const std::size_t overhead = 2 * sizeof(ghcb::certificate_table::Entry);
  EXPECT_TRUE(builder.add(ghcb::certificate_table::guid_vcek, Bytes(size - overhead, 0xCE)));
  return builder.build();
}

}  // namespace extreq::guest
