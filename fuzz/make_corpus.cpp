// make_corpus DIRECTORY: writes the seeds of all fuzzers, DIRECTORY/FUZZER/NAME. The same bytes
// each time; what is committed in fuzz/corpus came from here.
#include <iostream>

#include "abi/ghcb.hpp"
#include "attestation/certificate_table.hpp"
#include "attestation/evidence.hpp"
#include "attestation/tcb.hpp"
#include "attestation/test_containers.hpp"
#include "attestation/test_ovmf.hpp"
#include "base/byte_builder.hpp"
#include "fuzz/host_seeds.hpp"
#include "fuzz/test_certificate.hpp"
#include "fuzz/test_revocation_list.hpp"
#include "message/seal.hpp"

namespace extreq::fuzz {
namespace {

namespace ghcb = abi::ghcb;
namespace snp = abi::snp;
namespace guids = abi::ghcb::certificate_table;

snp::AttestationReport report_of(std::uint32_t version) {
  snp::AttestationReport report;
  report.version = version;
  report.policy = snp::policy::reserved_one | snp::policy::smt;
  report.signature_algo = snp::signature_algo_ecdsa_p384_sha384;
  report.report_data.fill(0xAA);
  report.cpuid_family = 0x19;
  report.cpuid_model = 1;
  report.chip_id.fill(0xC1);
  report.signature.r.fill(1);
  report.signature.s.fill(2);
  for (std::size_t i = 48; i < snp::ecdsa_component_size; ++i) {
    report.signature.r.at(i) = 0;
    report.signature.s.at(i) = 0;
  }
  return report;
}

Bytes bytes_of(const auto& layout) { return ByteBuilder().object(layout).take(); }

void reports(const Corpus& corpus) {
  for (const std::uint32_t version : {1U, 2U, 3U, 5U, 6U}) {
    corpus.seed("report", fmt::format("version-{}", version), bytes_of(report_of(version)));
  }
  auto report = report_of(2);
  report.signature.reserved.front() = 1;
  corpus.seed("report", "signature-with-reserved-byte", bytes_of(report));
  for (const std::uint32_t key :
       {snp::key_info::signing_key_vlek, 3U, snp::key_info::signing_key_none}) {
    report = report_of(5);
    report.key_info = key << snp::key_info::signing_key_shift | snp::key_info::author_key_en;
    report.reported_tcb = attestation::encode_tcb({1, 2, 3, 4, 5});
    corpus.seed("report", fmt::format("signing-key-{}", key), bytes_of(report));
  }
  corpus.seed("report", "zeros", Bytes(sizeof(report)));
  corpus.seed("report", "response", Bytes(sizeof(snp::ReportResponse), 1));
}

void tables(const Corpus& corpus) {
  attestation::CertificateTableBuilder builder;
  corpus.seed("certificate_table", "empty", builder.build());
  for (const auto& guid : {guids::guid_vcek, guids::guid_vlek, guids::guid_ask, guids::guid_ark,
                           guids::guid_crl, attestation::Guid{1, 2, 3}}) {
    if (!builder.add(guid, Bytes(guid.front() % 16 + 1U, guid.back()))) {
      throw std::runtime_error("a table's entry is refused");
    }
  }
  const Bytes table = builder.build();
  corpus.seed("certificate_table", "all-guids", table);
  corpus.seed("certificate_table", "no-end", ByteView(table).first(3 * sizeof(guids::Entry)));

  // One fault each.
  const auto broken = [&](const std::string& name, auto change) {
    guids::Entry first{guids::guid_vcek, 72, 8};
    guids::Entry second{guids::guid_ask, 80, 8};
    guids::Entry end;
    change(first, second, end);
    ByteBuilder bytes;
    bytes.object(first).object(second).object(end).zeros(16);
    corpus.seed("certificate_table", name, bytes.view());
  };
  broken("good", [](auto&, auto&, auto&) {});
  broken("same-guid", [](auto& first, auto& second, auto&) { second.guid = first.guid; });
  broken("overlap", [](auto&, auto& second, auto&) { second.offset = 76; });
  broken("past-the-end", [](auto&, auto& second, auto&) { second.length = 9; });
  broken("huge", [](auto& first, auto&, auto&) { first.offset = first.length = 0xFFFFFFFF; });
  broken("inside-the-entries", [](auto& first, auto&, auto&) { first.offset = 71; });
  broken("no-data", [](auto& first, auto&, auto&) { first.length = 0; });
  broken("nil-guid-with-data", [](auto&, auto& second, auto&) { second.guid = {}; });
  broken("swapped-guid", [](auto& first, auto&, auto&) {
    std::reverse(first.guid.begin(), first.guid.begin() + 4);
    std::reverse(first.guid.begin() + 4, first.guid.begin() + 6);
    std::reverse(first.guid.begin() + 6, first.guid.begin() + 8);
  });
  ByteBuilder many;
  for (std::uint8_t i = 1; i <= attestation::CertificateTable::max_entries + 1; ++i) {
    many.object(guids::Entry{{i}, 1700, 1});
  }
  corpus.seed("certificate_table", "too-many", many.zeros(200).view());
}

Bytes small_table() {
  attestation::CertificateTableBuilder builder;
  if (!builder.add(guids::guid_vcek, to_bytes("leaf")) ||
      !builder.add(guids::guid_ask, to_bytes("intermediate"))) {
    throw std::runtime_error("a table's entry is refused");
  }
  return builder.build();
}

void evidence(const Corpus& corpus) {
  namespace test = attestation::test;
  const auto seed = [&](const std::string& format, const std::string& name, ByteView bytes) {
    corpus.seed("evidence_" + format, name, bytes);
    // Named as what it is not: the next format.
    const auto named = static_cast<std::uint8_t>(*attestation::evidence_format(format)) + 1U;
    corpus.seed("evidence", format + "-" + name,
                test::joined(Bytes{static_cast<std::uint8_t>(named)}, bytes));
  };
  for (const std::uint32_t version : {1U, 2U, 5U, 6U}) {
    const Bytes report = bytes_of(report_of(version));
    const auto name = fmt::format("version-{}", version);
    seed("extended", name, test::joined(report, small_table()));
    seed("ioctl", name, test::make_response(report, version));
    seed("hcl", name, test::make_hcl(report, to_bytes("{}")));
    const std::string chain = version == 5
                                  ? "null"
                                  : R"([{"cert_type":"VCEK","data":[1,255]},{"cert_type":{"OTHER":)"
                                    R"("01020304-0506-0708-090a-0b0c0d0e0f10"},"data":"AQI="}])";
    seed("json", name,
         to_bytes(R"({"attestation_report":)" +
                  test::report_members(report, attestation::TcbLayout::turin) +
                  R"(,"cert_chain":)" + chain + "}"));
    seed("json", name + "-base64",
         to_bytes(R"({"attestation_report":)" + test::quoted_base64(report) + "}"));
  }
  const Bytes report = bytes_of(report_of(5));
  corpus.seed("evidence", "raw", test::joined(Bytes{0}, report));
  seed("extended", "no-table", report);
  seed("extended", "torn-table", test::joined(report, to_bytes("leaf")));
  seed("ioctl", "refused", test::make_response(Bytes(report.size()), 0, 0x16));
  seed("ioctl", "torn", ByteView(test::make_response(report)).first(0x4BF));
  Bytes beside = test::make_response(report, 1);
  beside.back() = 1;
  seed("ioctl", "byte-beside", beside);
  seed("json", "depth", to_bytes("{\"a\":[[[[[[[[[]]]]]]]]]}"));
  seed("json", "twice", to_bytes(R"({"a":1,"\u001b":2,"a":3})"));
  seed("json", "wrong-kinds", to_bytes(R"({"attestation_report":{"version":-1},"cert_chain":7})"));
}

void azure_evidence(const Corpus& corpus) {
  namespace test = attestation::test;
  const Bytes data = to_bytes(R"({"keys":[],"user-data":"00"})");
  auto fields = report_of(2);
  test::bind_runtime_data(fields, data);
  const Bytes bound = test::make_hcl(bytes_of(fields), data);
  const auto seed = [&](const std::string& name, ByteView bytes) {
    corpus.seed("evidence_hcl", name, bytes);
  };
  seed("bound", bound);
  seed("tdx", test::make_hcl(bytes_of(fields), data, abi::hcl::report_type_tdx));
  seed("other-digest", test::make_hcl(bytes_of(fields), data, abi::hcl::report_type_snp, 2));
  seed("torn", ByteView(bound).first(bound.size() - 1));
  seed("torn-header", ByteView(bound).first(0x4D3));
  corpus.seed("evidence_json", "azure",
              to_bytes(R"({"version":2,"tpm_quote":{},"hcl_report":)" + test::quoted_base64(bound) +
                       R"(,"vcek":"AQID"})"));
  corpus.seed("evidence_json", "azure-first-form",
              to_bytes(R"({"quote":{},"report":)" + test::numbers(bound) +
                       R"(,"vcek":"-----BEGIN CERTIFICATE-----"})"));
}

// Answers to one read after the other: provider, generation, outblob, auxblob, generation, ...
void tsm_folders(const Corpus& corpus) {
  constexpr std::uint8_t absent = 0;
  constexpr std::uint8_t whole_report = 0xFE;
  const auto file = [](std::string_view text) {
    return repeated(static_cast<std::uint8_t>(text.size()), {to_bytes(text)});
  };
  const Bytes report = repeated(whole_report, {bytes_of(report_of(3))});
  const Bytes bytes = small_table();
  const Bytes table = repeated(static_cast<std::uint8_t>(bytes.size()), {bytes});
  const auto seed = [&](const std::string& name, std::initializer_list<Bytes> answers) {
    ByteBuilder builder;
    for (const Bytes& answer : answers) builder.bytes(answer);
    corpus.seed("evidence_tsm", name, builder.view());
  };
  seed("whole", {file("sev_guest\n"), file("1"), report, table, file("1")});
  seed("report-alone", {{absent}, {absent}, report, {absent}, {absent}});
  seed("changed-once", {file("sev_guest"), file("1"), report, table, file("2"), file("2"), report,
                        table, file("2")});
  seed("other-provider", {file("tdx_guest\n")});
  seed("no-report", {file("sev_guest"), file("1"), {absent}});
  seed("torn-report", {file("sev_guest"), file("1"), file("torn"), table, file("1")});
  seed("torn-table", {file("sev_guest"), file("1"), report, file("torn"), file("1")});
  seed("written", {file("sev_guest"), file("1"), report, {0xFF}});
}

void extensions(const Corpus& corpus) {
  const auto name = [](std::string_view text) {
    return repeated(0x16, {{static_cast<std::uint8_t>(text.size())}, to_bytes(text)});
  };
  const auto integer = [](std::uint8_t value) {
    return value < 0x80 ? Bytes{0x02, 1, value} : Bytes{0x02, 2, 0, value};
  };
  const auto octets = [](std::uint8_t size) { return repeated(0x04, {{size}, Bytes(size, 0xC1)}); };
  const std::vector<RawExtension> milan{
      {{1}, integer(1)},    {{2}, name("Milan-B0")}, {{3, 1}, integer(3)},  {{3, 2}, integer(0)},
      {{3, 3}, integer(8)}, {{3, 8}, integer(0xD9)}, {{4}, Bytes(64, 0xC1)}};
  const std::vector<RawExtension> turin{
      {{2}, name("Turin")}, {{3, 9}, integer(1)},    {{3, 1}, integer(3)}, {{3, 2}, integer(0)},
      {{3, 3}, integer(8)}, {{3, 8}, integer(0x80)}, {{4}, octets(8)},     {{5}, name("provider")}};
  corpus.seed("certificate_extensions", "certificate-milan",
              repeated(0, {make_certificate(milan)}));
  corpus.seed("certificate_extensions", "certificate-turin",
              repeated(0, {make_certificate(turin)}));

  // As the fuzzer reads lists: index of the extension, length, content.
  const auto list = [&](const std::string& file,
                        std::initializer_list<std::pair<int, Bytes>> parts) {
    ByteBuilder bytes;
    bytes.u8(1);
    for (const auto& [index, content] : parts) {
      bytes.u8(static_cast<std::uint8_t>(index)).u8(static_cast<std::uint8_t>(content.size()));
      bytes.bytes(content);
    }
    corpus.seed("certificate_extensions", file, bytes.view());
  };
  list("list-vcek", {{0, integer(1)},
                     {1, name("Genoa")},
                     {2, integer(1)},
                     {3, integer(2)},
                     {4, integer(3)},
                     {8, integer(0xFF)},
                     {10, Bytes(64, 7)}});
  list("list-vlek", {{1, name("Milan")},
                     {2, integer(1)},
                     {3, integer(2)},
                     {4, integer(3)},
                     {8, integer(4)},
                     {11, name("provider")}});
  list("list-fmc-on-milan", {{1, name("Milan")},
                             {2, integer(1)},
                             {3, integer(2)},
                             {4, integer(3)},
                             {8, integer(4)},
                             {9, integer(5)}});
  list("list-turin-long-hwid", {{1, name("Turin")},
                                {9, integer(1)},
                                {2, integer(1)},
                                {3, integer(2)},
                                {4, integer(3)},
                                {8, integer(4)},
                                {10, octets(64)}});
  list("list-unknown-product", {{1, name("Rome")}});
  list("list-missing-spl", {{1, name("Venice")}, {9, integer(1)}});
  list("list-bad-spl", {{1, name("Milan")}, {2, {0x02, 2, 0, 1}}});

  for (const auto& [file, content] :
       std::initializer_list<std::pair<const char*, Bytes>>{{"value-spl", integer(0x7F)},
                                                            {"value-large-spl", integer(0xD9)},
                                                            {"value-hwid", Bytes(8, 1)},
                                                            {"value-nested-hwid", octets(64)},
                                                            {"value-name", name("Turin")},
                                                            {"value-control", name("\n")}}) {
    corpus.seed("certificate_extensions", file, repeated(2, {content}));
  }
}

void messages(const Corpus& corpus) {
  message::Vmpck key;
  std::ranges::fill(key.mutable_view(), std::uint8_t{1});
  message::Page page;
  if (!message::seal(key, {snp::MessageType::report_req, 1, 1, 1}, Bytes(96, 3), page)) {
    throw std::runtime_error("a message cannot be sealed");
  }
  const ByteView used = ByteView(page).first(sizeof(snp::MessageHeader) + 96);
  corpus.seed("guest_message", "page", repeated(0, {Bytes(used.begin(), used.end())}));
  for (const std::size_t at :
       {offsetof(snp::MessageHeader, authtag) + snp::aead_tag_size,
        offsetof(snp::MessageHeader, reserved_28), offsetof(snp::MessageHeader, algo),
        offsetof(snp::MessageHeader, hdr_version), offsetof(snp::MessageHeader, hdr_size),
        offsetof(snp::MessageHeader, msg_size) + 1, offsetof(snp::MessageHeader, reserved_38),
        offsetof(snp::MessageHeader, msg_vmpck), offsetof(snp::MessageHeader, reserved_3d)}) {
    Bytes damaged(used.begin(), used.end());
    damaged[at] = 0xFF;
    corpus.seed("guest_message", fmt::format("page-damaged-at-{:02x}", at), repeated(0, {damaged}));
  }
  const auto sealed = [](std::uint8_t vmpck, std::uint64_t seqno, std::uint16_t size) {
    ByteBuilder bytes;
    bytes.u8(1).u8(5).u8(1).u8(vmpck).u64(seqno).u16(size).u8(7);
    return bytes;
  };
  corpus.seed("guest_message", "sealed", sealed(0, 1, 96).view());
  corpus.seed("guest_message", "sealed-damaged", sealed(3, 9, 96).u8(1).u16(0x70).u8(1).view());
  corpus.seed("guest_message", "sealed-too-long",
              sealed(0, 1, snp::message_payload_max + 1).view());
  corpus.seed("guest_message", "sealed-no-number", sealed(0, 0, 8).view());
  corpus.seed("guest_message", "sealed-no-such-key", sealed(4, 1, 8).view());

  // As the fuzzer reads dialogues: 0 seal, 1 send, 2 firmware, 3 open, 4 and 5 damage, 6 swap,
  // 7 forge: key, type, version, VMPCK, number.
  const Bytes exchange{0, 2, 'a', 'b', 1, 2, 3};
  corpus.seed("guest_message", "dialogue", repeated(2, {{0}, exchange, exchange, exchange}));
  corpus.seed(
      "guest_message", "dialogue-at-the-end",
      repeated(
          2,
          {{1}, exchange, exchange, exchange, exchange, exchange, exchange, exchange, exchange}));
  corpus.seed("guest_message", "dialogue-replay", repeated(2, {{0}, exchange, {0, 0, 3}}));
  corpus.seed("guest_message", "dialogue-request-as-response",
              repeated(2, {{0}, {0, 1, 'a', 1, 6, 3}}));
  corpus.seed("guest_message", "dialogue-damaged",
              repeated(2, {{0}, {0, 1, 'a', 1, 4, 1, 0x60, 0, 1, 2, 3}}));
  const auto forged = [&](const std::string& name, const Bytes& message) {
    corpus.seed("guest_message", "dialogue-" + name,
                repeated(2, {{0}, {0, 1, 'a', 7}, message, {3}}));
  };
  forged("forged", {1, 6, 1, 1, 2});
  forged("of-another-type", {1, 4, 1, 1, 2});
  forged("of-another-version", {1, 6, 2, 1, 2});
  forged("of-another-key-number", {1, 6, 1, 0, 2});
  forged("of-another-number", {1, 6, 1, 1, 3});
  forged("under-another-key", {0, 6, 1, 1, 2});
  corpus.seed("guest_message", "dialogue-second-while-pending",
              repeated(2, {{0}, {0, 1, 'a', 0, 1, 'b', 1, 2, 2, 3, 3, 0, 0}}));
}

void exits(const Corpus& corpus) {
  // One guest request event as the fuzzer reads it: step 7, event, two pages, RAX, RBX, scratch,
  // message type; then whether the GHCB lies elsewhere.
  const auto event = [](std::uint8_t which, std::uint8_t request, std::uint8_t response,
                        std::uint8_t certificates = 4) {
    ByteBuilder bytes;
    bytes.u8(7).u8(which).u8(request).u8(response);
    bytes.u8(1).u8(certificates);  // RAX
    bytes.u8(1).u8(0).u8(4);       // RBX: 4 pages
    bytes.u8(0);                   // no scratch
    bytes.u8(1).u8(5);             // a report request
    bytes.u8(0);                   // the registered GHCB
    return bytes.take();
  };
  // An answer of the VMM: immediate_exit, which ret, pages.
  const auto answer = [](std::uint8_t how, std::uint8_t ret) {
    return ByteBuilder().u8(how).u8(ret).u64(9).take();
  };
  const auto seed = [&](const std::string& name, std::uint8_t flags,
                        std::initializer_list<Bytes> parts) {
    corpus.seed("host_exits", name, repeated(flags, parts));
  };
  seed("plain", 0, {event(0, 2, 3), {0}, event(0, 2, 3), {0x80 | 0x16}, event(0, 2, 3), {0xFF}});
  for (std::uint8_t abi = 0; abi < 2; ++abi) {
    for (std::uint8_t ret = 0; ret < 8; ++ret) {
      seed(fmt::format("extended-abi-{}-ret-{}", abi, ret), abi,
           {event(1, 2, 3), answer(2, ret), {0}, event(1, 2, 3), answer(3, ret), {0}, {0}});
    }
  }
  seed("no-certificate-exits", 8, {event(1, 2, 3), {0}});
  seed("no-certificate-exits-private-page", 8, {event(1, 2, 3, 14), event(1, 2, 3, 15)});
  seed("rate-limit", 4, {event(0, 2, 3), {0}, event(0, 2, 3), event(1, 2, 3), event(1, 2, 3)});
  for (std::uint8_t ret = 4; ret < 8; ++ret) {  // as "extended" above
    seed(fmt::format("rate-limit-extended-{}", ret), 4,
         {event(1, 2, 3), answer(2, ret), event(1, 2, 3), answer(2, 0), {0}});
  }
  seed("equal-pages", 0, {event(0, 2, 2)});
  seed("private-page", 0, {event(0, 14, 3), event(0, 2, 14)});
  seed("unmapped-page", 0, {event(0, 15, 3), event(0, 2, 16), event(1, 0xF0, 3)});
  for (std::uint8_t which = 3; which < 9; ++which) {
    seed(fmt::format("event-{}", which), 0, {event(which, 2, 3)});
  }
  for (std::uint8_t info = 0; info < 9; ++info) {
    ByteBuilder step;
    step.u8(3).u8(info);
    if (info == 4) {
      step.u8(5);  // a GHCB to register: page 5
    } else {
      step.u64(std::uint64_t{2} << 40U | 1U);  // as a page state change: frame 1 becomes shared
    }
    seed(fmt::format("msr-{}", info), 0, {step.take(), answer(2, 0), answer(2, 1)});
  }
  // A page state change: step 4, start, entry count, first entry, last entry, frame, kinds.
  for (const std::uint8_t kind : std::array<std::uint8_t, 5>{0x01, 0x02, 0x03, 0x0A, 0x49}) {
    seed(fmt::format("page-state-{:02x}", kind), 0,
         {{4, 1, 3, 1, 0, 8, kind, kind, 0x82, 1, kind, 0},
          answer(2, 0),
          answer(2, 0),
          answer(2, 1),
          answer(2, 0)});
  }
  seed("page-state-done-before", 0, {{4, 1, 1, 1, 0, 8, 0x41, 1, 0, 2, 0}, answer(2, 0)});
  seed("page-state-refused", 2, {{4, 1, 1, 1, 0, 8, 1, 2, 0}});
  seed("page-state-long", 0, {{4, 1, 1, 1, 0xFF, 0xFD, 0, 8, 1, 2, 0}});
  seed("page-state-began", 0, {{4, 1, 3, 0, 1, 0, 8, 1, 1, 1, 1, 0}, answer(2, 0)});
  seed("page-state-at-the-end", 0, {{4, 0, 0xEC, 0x07, 1, 1, 0, 8, 1, 2, 0}});
  seed("interrupted", 0, {{1}, {1}, event(0, 2, 3)});
  seed("machine-gone", 0, {{2}, {0}});
  seed("raw-msr", 0, {{0, 0, 0, 1, 0, 0, 0, 0, 0}});
  seed("synced-registers", 0, {{1}, {0xFE}, {0xFC}});
  seed("scribbled", 0, {event(1, 2, 3), {0}, {5, 3, 0x90, 0x13, 4, 1, 2, 3, 4, 0}, {6, 0}});
}

void responses(const Corpus& corpus) {
  const auto opened = [](ByteView payload) {
    return ByteBuilder().u8(1).u8(0xAA).u8(0).u8(0).bytes(payload).take();
  };
  snp::ReportResponse response;
  response.report_size = sizeof(response.report);
  response.report = report_of(3);
  corpus.seed("guest_response", "report", opened(bytes_of(response)));
  response.report.vmpl = 1;
  corpus.seed("guest_response", "report-of-another-vmpl", opened(bytes_of(response)));
  response.report_size = 1;
  corpus.seed("guest_response", "report-size", opened(bytes_of(response)));
  response.status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_param);
  corpus.seed("guest_response", "report-refused", opened(bytes_of(response)));
  snp::ReportResponse zeros;
  zeros.report_size = sizeof(zeros.report);
  corpus.seed("guest_response", "report-of-zeros", opened(bytes_of(zeros)));
  snp::KeyResponse key;
  key.derived_key.fill(1);
  corpus.seed("guest_response", "key", opened(bytes_of(key)));

  // A channel as the fuzzer reads it: pages offered first; then calls (REPORT_DATA, VMPL, which),
  // and the host's answer to each exit: flags, the firmware's status, kind, numbers.
  const auto seed = [&](const std::string& name, std::initializer_list<Bytes> parts) {
    ByteBuilder bytes;
    bytes.u8(0).u8(2);
    for (const Bytes& part : parts) bytes.bytes(part);
    corpus.seed("guest_response", name, bytes.view());
  };
  const Bytes plain{1, 1, 0};
  const Bytes extended{1, 1, 2};
  const Bytes honest{2, 1, 0};
  const auto vmm_error = [](std::uint8_t which) { return Bytes{0, 0x63, which, 3}; };
  seed("honest", {plain, honest, extended, honest, {2, 1, 0}, honest});
  seed("table", {extended, {0x12, 3, 1, 2, 3, 1, 0}});
  seed("keys", {{1, 1, 1, 0}, {2, 1, 9, 0}, {1, 1, 1, 1}, {2, 1, 9, 0}});
  seed("refused", {plain, {2, 4, 0x16, 0}, {1, 1, 1, 0}, {2, 4, 0x16, 0, 0}, plain, honest});
  seed("busy", {extended, vmm_error(2), vmm_error(2), honest});
  seed("busy-for-ever", {plain,
                         vmm_error(2),
                         vmm_error(2),
                         vmm_error(2),
                         vmm_error(2),
                         vmm_error(2),
                         vmm_error(2),
                         {2, 1, 0},
                         honest,
                         honest});
  seed("too-few-pages", {extended, vmm_error(1), honest});
  seed("too-few-pages-for-ever",
       {extended, {0, 0x63, 1, 3}, {0, 0x63, 1, 4}, {0, 0x63, 1, 5}, {0, 0x63, 1, 6}, honest});
  seed("too-many-pages", {extended, {0, 0x63, 1, 200}, honest});
  seed("no-fewer-pages", {extended, {0, 0x63, 1, 0}, honest});
  seed("no-table-on-host", {extended, {0, 0xC0, 0, 6}, honest});
  seed("unknown-event", {extended, {0, 0xE0, 6}, honest});
  for (std::uint8_t reason = 1; reason < 8; ++reason) {
    seed(fmt::format("malformed-{}", reason), {plain, {0, 0xE0, reason}, plain, honest});
  }
  seed("firmware-status", {plain, {0, 0xC0, 0, 0x16}, plain});
  seed("generic", {plain, {0, 0x60, 4}, plain});
  seed("exception", {plain, {0, 0xD0, 13}, plain, {0, 0xD0, 8}, plain});
  seed("nonsense", {plain, {0, 0xF0, 9, 0, 0, 0, 0, 0, 0, 0}, plain});
  seed("dropped", {plain, {0, 0}, plain});
  seed("damaged", {plain, {6, 1, 0x80, 0x20, 1, 0}, plain});
  seed("volatile", {plain, {3, 1, 0, 0x80, 0x20, 1, 0x90, 0x13, 2}, plain});
  seed("gone", {plain, {0xFF}, plain});
}

void amd_certificates(const Corpus& corpus) {
  const RawExtension name{{2}, {0x16, 5, 'M', 'i', 'l', 'a', 'n'}};
  corpus.seed("amd_certificate", "leaf", make_certificate({&name, 1}));
  corpus.seed("amd_certificate", "authority", make_authority());
}

void firmware_images(const Corpus& corpus) {
  attestation::test::OvmfParts parts;
  const auto seed = [&](const std::string& name) {
    const Bytes image = attestation::test::make_ovmf(parts);
    const Bytes end(image.end() - 0x700, image.end());
    corpus.seed("ovmf", name, repeated(1, {{0}, end}));
    corpus.seed("ovmf", name + "-kernel", repeated(4, {{1}, end}));
  };
  parts.sections = {
      {0x1000, 0x2000, 1}, {0x3000, 0x1000, 2}, {0x4000, 0x1000, 3}, {0x5000, 0x1000, 0x10}};
  parts.hash_table_gpa = 0x5C00;
  seed("small");
  parts.hash_table_gpa = 0;
  seed("no-hashes");
  parts.sections[1].gpa = 0x2000;
  seed("overlap");
  parts.sections[1] = {0x3001, 0x1000, 2};
  seed("unaligned");
  parts.sections[1] = {0x3000, 0x1000, 9};
  seed("unknown");
  parts.metadata_version = 2;
  seed("version");
}

// The parser, the product, the text.
void revocation_lists(const Corpus& corpus) {
  const auto seed = [&](const std::string& name, std::uint8_t choice, ByteView bytes) {
    ByteBuilder builder;
    corpus.seed("revocation_list", name, builder.u8(choice).bytes(bytes).view());
  };
  const auto list = [](std::vector<Bytes> entries, std::vector<Bytes> extensions) {
    return make_revocation_list(entries, extensions);
  };
  const Bytes indirect{0x30, 3, 0x84, 1, 0xFF};
  const Bytes users_only{0x30, 3, 0x81, 1, 0xFF};
  const Bytes named = list_extension(29, true, certificate_issuer());
  seed("indirect", 0, indirect_list());
  seed("empty", 0, list({}, {}));
  seed("not-indirect", 0, list({revoked(Bytes{0}, named)}, {}));
  seed("users-only", 0, list({}, {list_extension(28, true, users_only)}));
  seed("delta", 0, list({}, {list_extension(27, true, Bytes{2, 1, 1})}));
  seed("unknown-critical", 0, list({}, {list_extension(77, true, Bytes{5, 0})}));
  seed("entry-critical", 0, list({revoked(Bytes{1}, list_extension(77, true, Bytes{5, 0}))}, {}));
  seed("number-twice", 0,
       list({}, {list_extension(20, false, Bytes{2, 1, 1}),
                 list_extension(20, false, Bytes{2, 1, 2})}));
  seed("long-number", 0,
       list({}, {list_extension(20, false, repeated(2, {Bytes{21}, Bytes(21, 1)}))}));
  seed("negative-serial", 0, list({revoked(Bytes{0x80}, {})}, {}));
  seed("no-directory-name", 0,
       list({revoked(Bytes{1}, list_extension(29, true, Bytes{0x30, 3, 0x82, 1, 'a'}))},
            {list_extension(28, true, indirect)}));
  seed("pem", 0, to_bytes("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"));
  seed("changed", 1, Bytes{4, 0, 0x31});
  seed("made", 2, Bytes{1, 1, 7, 1, 0, 1, 1, 1, 1, 5, 0x30, 3, 0x84, 1, 0xFF, 0, 0, 3, 2, 1, 9});
}

void policies(const Corpus& corpus) {
  const auto seed = [&](const std::string& name, std::string_view text) {
    corpus.seed("policy", name, to_bytes(text));
  };
  const std::string digest(96, 'a');
  const std::string half(64, '0');
  const std::string id(32, '1');
  const auto set = [](const std::string& value) { return "[\"" + value + "\"]"; };
  seed("shortest", R"({"version":1})");
  seed("bits", R"({"version":1,"waive_report_data":true,"vmpls":[0,3],"allow_host_initiated":true,
      "guest_policy":{"debug":"forbid","smt":"require","forbid_unknown":true,"minimum_abi":"1.51"},
      "platform_info":{"ecc_en":"require","tio_en":"any","forbid_unknown":true}})");
  seed("floors", R"({"version":1,"minimum_tcb":{"Genoa":{"current":{"snp":8},"launch":{"tee":0}},
      "Turin":{"reported":{"fmc":1,"bootloader":2,"microcode":3}}},"minimum_guest_svn":2,
      "minimum_version":{"current":"1.55","committed":"1.54"},
      "minimum_build":{"current":21,"committed":20},"forbid_provisional_firmware":true,
      "mitigations":{"launch":1,"current":18446744073709551615}})");
  seed("sets", R"({"version":1,"measurements":)" + set(digest) + R"(,"host_data":)" + set(half) +
                   R"(,"family_ids":)" + set(id) + R"(,"image_ids":)" + set(id) +
                   R"(,"report_ids":)" + set(half) + R"(,"report_ids_ma":)" + set(half) + "}");
  seed("platform", R"({"version":1,"products":["Genoa","Turin"],"signing_keys":["VCEK","VLEK"],
      "forbid_masked_chip_id":true,"chip_ids":["0102030405060708"],"csp_ids":["provider"]})");
  seed("id-block", R"({"version":1,"id_block":{"require":true,"require_author_key":true,
      "id_key_digests":)" +
                       set(digest) + R"(,"author_key_digests":)" + set(digest) + "}}");
  seed("table", R"({"version":1,"certificate_table":{")" + attestation::to_text(guids::guid_vcek) +
                    R"(":{"presence":"require","sha256":)" + set(half) + R"(},")" +
                    attestation::to_text(guids::guid_crl) + R"(":{"presence":"forbid"}}})");
  seed("unknown", R"({"version":1,"measurement":[]})");
  seed("twice", R"({"version":1,"vmpls":[0],"vmpls":[1]})");
  seed("deep", R"({"version":1,"vmpls":[[[[[[[[[[0]]]]]]]]]]})");
  seed("kinds", R"({"version":1,"guest_policy":[],"vmpls":{},"products":"Milan","csp_ids":[1]})");
}

}  // namespace
}  // namespace extreq::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_corpus DIRECTORY\n";
    return 1;
  }
  try {
    const extreq::fuzz::Corpus corpus(argv[1]);
    extreq::fuzz::reports(corpus);
    extreq::fuzz::tables(corpus);
    extreq::fuzz::evidence(corpus);
    extreq::fuzz::azure_evidence(corpus);
    extreq::fuzz::tsm_folders(corpus);
    extreq::fuzz::extensions(corpus);
    extreq::fuzz::messages(corpus);
    extreq::fuzz::exits(corpus);
    extreq::fuzz::responses(corpus);
    extreq::fuzz::amd_certificates(corpus);
    extreq::fuzz::firmware_images(corpus);
    extreq::fuzz::host_seeds(corpus);
    extreq::fuzz::revocation_lists(corpus);
    extreq::fuzz::policies(corpus);
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
  return 0;
}
