#include "firmware/model/guest_messages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/model/test_guest.hpp"
#include "message/seal.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace select = snp::guest_field_select;
using attestation::encode_tcb;
using attestation::Product;
using message::Page;
using snp::CommandStatus;
using snp::MessageType;

class GuestMessages : public testing::Test {
 protected:
  // Seals a report request; the fields of the envelope that are given replace the right ones.
  [[nodiscard]] Page sealed(std::uint64_t seqno = 1, std::uint8_t vmpck = 0,
                            MessageType type = MessageType::report_req,
                            std::uint8_t version = 1) const {
    Page page;
    must(message::seal(guest_.vmpck(vmpck), {type, version, vmpck, seqno},
                       ByteBuilder().object(snp::ReportRequest{}).view(), page));
    return page;
  }
  [[nodiscard]] CommandStatus ask(const Page& request, Page& response) {
    return must(processor_->guest_request(guest_.handle(), request, response));
  }
  // Asks; there must be no response, and the channel's next number must not move.
  [[nodiscard]] CommandStatus refusal(const Page& request) {
    Page response;
    response.fill(0xEE);
    const CommandStatus status = ask(request, response);
    for (const auto byte : response) EXPECT_EQ(byte, 0xEE) << "there is no response";
    return status;
  }
  void expect_alive(std::uint64_t next_seqno) {
    Page response;
    EXPECT_EQ(ask(sealed(next_seqno), response), CommandStatus::success);
  }
  std::unique_ptr<SecureProcessor> processor_ = test_processor();
  TestGuest guest_{*processor_};
};

// The measured rows: what hardware answers (AMDESE/linux-svsm issue 22, AMDESE/sev-guest issue 40,
// virtee/snpguest issue 115).
TEST_F(GuestMessages, MeasuredAWrongTagIs0x16) {
  Page request = sealed();
  request[0] ^= 1U;
  EXPECT_EQ(refusal(request), CommandStatus{0x16});
  Page other_key = sealed();
  must(message::seal(guest_.vmpck(1), {MessageType::report_req, 1, 0, 1}, Bytes(96), other_key));
  EXPECT_EQ(refusal(other_key), CommandStatus{0x16});
  expect_alive(1);
}

TEST_F(GuestMessages, MeasuredAReservedHeaderByteIs0x16) {
  for (std::size_t at = 0; at < sizeof(snp::MessageHeader); ++at) {
    const bool reserved = (at >= 0x10 && at < 0x20) || (at >= 0x28 && at < 0x30) ||
                          (at >= 0x38 && at < 0x3C) || at >= 0x3D;
    if (!reserved) continue;
    Page request = sealed();
    request[at] = 1;
    EXPECT_EQ(refusal(request), CommandStatus{0x16}) << "byte " << at;
  }
  expect_alive(1);
}

TEST_F(GuestMessages, MeasuredAWrongSequenceNumberIs0x1D) {
  for (const std::uint64_t seqno : {2U, 3U, 0xFFFFFFFFU}) {
    EXPECT_EQ(refusal(sealed(seqno)), CommandStatus{0x1D}) << seqno;
  }
  expect_alive(1);
}

TEST_F(GuestMessages, MeasuredASecondRequestAfterALostResponseIs0x1D) {
  processor_->faults().lose_responses(1);
  Page response;
  EXPECT_EQ(processor_->guest_request(guest_.handle(), sealed(), response).error().code, Code::io);
  EXPECT_EQ(refusal(sealed()), CommandStatus{0x1D});
  expect_alive(3);
}

TEST_F(GuestMessages, MeasuredKeyRequestVersion2OnOlderFirmwareIs0x16) {
  FirmwareImage firmware = usual_firmware(Product::milan);
  firmware.key_request_version = 1;
  must(processor_->download_firmware(firmware));
  const auto reply = guest_.ask_with(MessageType::key_req, snp::KeyRequestV2{}, 2);
  EXPECT_EQ(reply.status, CommandStatus{0x16});
  const auto v1 = guest_.ask_with(MessageType::key_req, snp::KeyRequest{});
  EXPECT_EQ(payload_as<snp::KeyResponse>(v1).status, 0U) << "the channel lives";
}

TEST_F(GuestMessages, AReplayIsRefused) {
  Page response;
  const Page request = sealed();
  ASSERT_EQ(ask(request, response), CommandStatus::success);
  EXPECT_EQ(refusal(request), CommandStatus::aead_overflow);
  expect_alive(3);
}

TEST_F(GuestMessages, EveryDamagedByteIsRefusedAndTheNextRequestWorks) {
  const Page good = sealed();
  for (std::size_t at = 0; at < sizeof(snp::MessageHeader) + sizeof(snp::ReportRequest); ++at) {
    Page bad = good;
    bad[at] ^= 0x10U;
    EXPECT_EQ(refusal(bad), CommandStatus::invalid_param) << "byte " << at;
  }
  expect_alive(1);
}

TEST_F(GuestMessages, EachKeyCountsOnItsOwn) {
  Page response;
  EXPECT_EQ(ask(sealed(1, 0), response), CommandStatus::success);
  EXPECT_EQ(ask(sealed(1, 3), response), CommandStatus::success);
  EXPECT_EQ(refusal(sealed(3, 1)), CommandStatus::aead_overflow);
  EXPECT_EQ(ask(sealed(3, 0), response), CommandStatus::success);
}

TEST_F(GuestMessages, UnknownAndUnlaunchedGuestsAreRefused) {
  Page response;
  EXPECT_EQ(must(processor_->guest_request(GuestHandle{77}, sealed(), response)),
            CommandStatus::invalid_guest);
  const auto other = must(processor_->create_guest());
  EXPECT_EQ(must(processor_->guest_request(other, sealed(), response)),
            CommandStatus::invalid_guest_state);
  must(processor_->launch_start(other, {}));
  EXPECT_EQ(must(processor_->guest_request(other, sealed(), response)),
            CommandStatus::invalid_guest_state);
  must(processor_->decommission(guest_.handle()));
  EXPECT_EQ(must(processor_->guest_request(guest_.handle(), sealed(), response)),
            CommandStatus::invalid_guest);
}

TEST_F(GuestMessages, RequestAndResponseMayBeOnePage) {
  Page page = sealed();
  EXPECT_EQ(must(processor_->guest_request(guest_.handle(), page, page)), CommandStatus::success);
  EXPECT_TRUE(message::open(guest_.vmpck(0), page));
}

TEST_F(GuestMessages, UnknownTypesVersionsAndSizesAreTheCommandsOwnFailure) {
  using enum MessageType;
  for (const unsigned type : {0U, 2U, 4U, 6U, 18U, 19U, 255U}) {
    EXPECT_EQ(refusal(sealed(1, 0, static_cast<MessageType>(type))), CommandStatus::invalid_param)
        << type;
  }
  EXPECT_EQ(refusal(sealed(1, 0, report_req, 2)), CommandStatus::invalid_param);
  EXPECT_EQ(refusal(sealed(1, 0, report_req, 0)), CommandStatus::invalid_param);
  expect_alive(1);
  struct Case {
    MessageType type;
    std::uint8_t version;
    std::size_t size;
  };
  for (const Case& right :
       {Case{report_req, 1, sizeof(snp::ReportRequest)}, Case{key_req, 1, sizeof(snp::KeyRequest)},
        Case{key_req, 2, sizeof(snp::KeyRequestV2)},
        Case{tsc_info_req, 1, sizeof(snp::TscInfoRequest)},
        Case{cpuid_req, 1, sizeof(snp::CpuidRequestHead)}}) {
    TestGuest guest(*processor_);
    EXPECT_EQ(guest.ask(right.type, Bytes(right.size - 1), right.version).status,
              CommandStatus::invalid_param);
    EXPECT_EQ(guest.ask(right.type, Bytes(right.size + 1), right.version).status,
              CommandStatus::invalid_param);
    EXPECT_EQ(guest.ask(right.type, {}, right.version).status, CommandStatus::invalid_param);
    EXPECT_EQ(guest.ask(right.type, Bytes(right.size), 3).status, CommandStatus::invalid_param);
    EXPECT_EQ(guest.ask(right.type, Bytes(right.size), right.version).status,
              CommandStatus::success);
  }
}

TEST_F(GuestMessages, MigrationIsUnsupported) {
  using enum MessageType;
  for (const auto type : {export_req, import_req, absorb_req, absorb_noma_req, vmrk_req}) {
    EXPECT_EQ(guest_.ask(type, Bytes(64)).status, CommandStatus::unsupported);
  }
  EXPECT_EQ(guest_.report().status, 0U);
}

TEST_F(GuestMessages, TscInfoIsWhatTheLaunchGave) {
  LaunchStart start;
  start.tsc = {5, 6, 7};
  TestGuest guest(*processor_, start);
  const auto info = payload_as<snp::TscInfoResponse>(
      guest.ask_with(MessageType::tsc_info_req, snp::TscInfoRequest{}));
  EXPECT_EQ(info.status, 0U);
  EXPECT_EQ(info.guest_tsc_scale, 5U);
  EXPECT_EQ(info.guest_tsc_offset, 6U);
  EXPECT_EQ(info.tsc_factor, 7U);
  snp::TscInfoRequest request;
  request.reserved[127] = 1;
  const auto refused =
      payload_as<snp::TscInfoResponse>(guest.ask_with(MessageType::tsc_info_req, request));
  EXPECT_EQ(refused.status, 0x16U);
  EXPECT_EQ(refused.guest_tsc_scale, 0U);
}

TEST_F(GuestMessages, CpuidIsConfirmedOrRefusedInsideTheResponse) {
  const auto request_of = [](std::uint32_t eax) {
    snp::CpuidRequestHead head;
    head.count = 1;
    snp::CpuidFunction function;
    function.eax_in = 1;
    function.eax = eax;
    return ByteBuilder().object(head).object(function).take();
  };
  const Bytes right = request_of(0x00A00F11);
  const auto confirmed = guest_.ask(MessageType::cpuid_req, right);
  ByteReader reader(confirmed.payload);
  const auto head = *reader.object<snp::CpuidResponseHead>();
  EXPECT_EQ(head.status, 0U);
  EXPECT_EQ(head.count, 1U);
  const auto function = *reader.view(sizeof(snp::CpuidFunction));
  EXPECT_TRUE(std::ranges::equal(function, ByteView(right).subspan(sizeof(head))));
  EXPECT_TRUE(reader.empty());

  const auto refused = guest_.ask(MessageType::cpuid_req, request_of(0x00A10F11));
  EXPECT_EQ(payload_as<snp::CpuidResponseHead>(refused).status, 0x16U);
  EXPECT_EQ(payload_as<snp::CpuidResponseHead>(refused).count, 0U);

  Bytes huge = right;
  huge[0] = 65;
  EXPECT_EQ(guest_.ask(MessageType::cpuid_req, huge).status, CommandStatus::invalid_param);
}

class DerivedKeys : public testing::Test {
 protected:
  DerivedKeys() {
    Installation installation = test_installation();
    installation.firmware = usual_firmware(Product::milan);
    installation.firmware->mit_vector = 0x3;
    installation.committed_tcb = attestation::Tcb{std::nullopt, 3, 0, 23, 218};
    processor_ = must(SecureProcessor::in_memory(installation));
    guest_.emplace(launch());
  }
  [[nodiscard]] TestGuest launch(std::uint8_t image_id = 1) const {
    const auto id_key = must(crypto::EcdsaP384PrivateKey::generate());
    LaunchStart start;
    LaunchFinish finish;
    finish.id_block.emplace();
    finish.id_block->launch_digest = test_guest_digest();
    finish.id_block->version = snp::id_block_version;
    finish.id_block->policy = start.policy;
    finish.id_block->guest_svn = 9;
    finish.id_block->image_id.fill(image_id);
    finish.id_auth = sign_id_block(*finish.id_block, id_key);
    return TestGuest(*processor_, start, finish);
  }
  [[nodiscard]] static snp::KeyRequestV2 request_of(std::uint64_t fields = 0) {
    snp::KeyRequestV2 request;
    request.v1.guest_field_select = fields;
    return request;
  }
  // The key in hexadecimal, or the status.
  static std::string key(TestGuest& guest, const snp::KeyRequestV2& request,
                         std::uint8_t version = 2, unsigned vmpck = 0) {
    const auto reply = version == 1
                           ? guest.ask_with(MessageType::key_req, request.v1, version, vmpck)
                           : guest.ask_with(MessageType::key_req, request, version, vmpck);
    const auto response = payload_as<snp::KeyResponse>(reply);
    EXPECT_TRUE(all_zero(response.reserved));
    EXPECT_EQ(response.status != 0, all_zero(response.derived_key));
    if (response.status != 0) return fmt::format("{:#x}", response.status.get());
    return to_hex(response.derived_key);
  }
  std::string key(const snp::KeyRequestV2& request, std::uint8_t version = 2, unsigned vmpck = 0) {
    return key(*guest_, request, version, vmpck);
  }
  std::unique_ptr<SecureProcessor> processor_;
  std::optional<TestGuest> guest_;
};

TEST_F(DerivedKeys, EachFieldOfTheSelectionGivesAnotherKey) {
  std::vector<std::string> seen;
  for (std::uint64_t fields = 0; fields <= select::known_mask_v2; ++fields) {
    const auto derived = key(request_of(fields));
    EXPECT_EQ(derived.size(), 64U) << fields << ": " << derived;
    EXPECT_THAT(seen, testing::Not(testing::Contains(derived))) << fields;
    seen.push_back(derived);
  }
}

TEST_F(DerivedKeys, TheSameRequestGivesTheSameKey) {
  const auto all = request_of(select::known_mask_v2);
  EXPECT_EQ(key(all), key(all));
  TestGuest same = launch();
  EXPECT_EQ(key(all), key(same, all)) << "another guest, the same image";
  EXPECT_EQ(key(request_of(select::known_mask_v1), 1), key(request_of(select::known_mask_v1), 2));
}

TEST_F(DerivedKeys, SelectedFieldsCountAndOthersDoNot) {
  TestGuest other_image = launch(2);
  EXPECT_EQ(key(request_of()), key(other_image, request_of()));
  EXPECT_NE(key(request_of(select::image_id)), key(other_image, request_of(select::image_id)));

  auto request = request_of();
  request.v1.guest_svn = 3;
  request.v1.tcb_version = 1;
  request.launch_mit_vector = 1;
  EXPECT_EQ(key(request), key(request_of()));
  for (const auto field : {select::guest_svn, select::tcb_version, select::launch_mit_vector}) {
    request.v1.guest_field_select = field;
    EXPECT_NE(key(request), key(request_of(field))) << field;
  }
}

TEST_F(DerivedKeys, TheVmplIsAlwaysMixedIn) {
  auto request = request_of();
  request.v1.vmpl = 1;
  EXPECT_NE(key(request), key(request_of()));
  EXPECT_EQ(key(request), key(request, 2, 1)) << "the VMPL asked for, not the key's number";
}

TEST_F(DerivedKeys, TheRootsDiffer) {
  auto vmrk = request_of();
  vmrk.v1.root_key_select = snp::root_key_select_vmrk;
  EXPECT_NE(key(vmrk), key(request_of()));
  EXPECT_EQ(key(vmrk), key(vmrk));
  TestGuest same = launch();
  EXPECT_NE(key(vmrk), key(same, vmrk)) << "another VM has another VMRK";

  auto vcek = request_of();
  vcek.v1.root_key_select = snp::key_sel_vcek << snp::root_key_select_key_sel_shift;
  EXPECT_EQ(key(vcek), key(request_of()));
  auto vlek = request_of();
  vlek.v1.root_key_select = snp::key_sel_vlek << snp::root_key_select_key_sel_shift;
  EXPECT_EQ(key(vlek), "0x27");
  const auto before = key(request_of());
  const attestation::Tcb reported{std::nullopt, 3, 0, 23, 218};
  must(processor_->vlek_load(must(processor_->kds().wrap_vlek("csp", reported))));
  EXPECT_NE(key(vlek), before);
  EXPECT_EQ(key(request_of()), key(vlek)) << "the VLEK if one is loaded";
  EXPECT_EQ(key(vcek), before);
  auto reserved = request_of();
  reserved.v1.root_key_select = 3U << snp::root_key_select_key_sel_shift;
  EXPECT_EQ(key(reserved), "0x27");
}

TEST_F(DerivedKeys, AnotherReportedTcbChangesThem) {
  const auto before = key(request_of());
  snp::Config config;
  config.reported_tcb = encode_tcb({std::nullopt, 3, 0, 22, 218});
  must(processor_->set_config(config));
  EXPECT_NE(key(request_of()), before);
  must(processor_->set_config({}));
  EXPECT_EQ(key(request_of()), before);
}

TEST_F(DerivedKeys, AMaskedChipKeyHasNone) {
  snp::Config config;
  config.flags = snp::config_flags::mask_chip_key;
  must(processor_->set_config(config));
  EXPECT_EQ(key(request_of()), "0x27");
  auto vmrk = request_of();
  vmrk.v1.root_key_select = snp::root_key_select_vmrk;
  EXPECT_EQ(key(vmrk).size(), 64U);
}

TEST_F(DerivedKeys, WhatMayNotBeAskedForIsRefusedInsideTheResponse) {
  const auto refused = [&](auto change, std::uint8_t version = 2, unsigned vmpck = 0) {
    auto request = request_of();
    request.v1.vmpl = vmpck;
    change(request);
    return key(request, version, vmpck);
  };
  using R = snp::KeyRequestV2;
  EXPECT_EQ(refused([](R& r) { r.v1.guest_svn = 9; }).size(), 64U);
  EXPECT_EQ(refused([](R& r) { r.v1.guest_svn = 10; }), "0x16") << "above the ID block's";
  EXPECT_EQ(refused([](R& r) { r.v1.vmpl = 4; }), "0x16");
  EXPECT_EQ(refused([](R& r) { r.v1.vmpl = 0; }, 2, 1), "0x16") << "below the requester's own";
  EXPECT_EQ(refused([](R& r) { r.v1.reserved = 1; }), "0x16");
  EXPECT_EQ(refused([](R& r) { r.v1.root_key_select = 8; }), "0x16");
  EXPECT_EQ(refused([](R& r) { r.v1.guest_field_select = 0x80; }), "0x16");
  EXPECT_EQ(refused([](R& r) { r.v1.guest_field_select = 0x40; }, 1), "0x16") << "version 1 has 6";
  EXPECT_EQ(refused([](R& r) { r.launch_mit_vector = 4; }), "0x16") << "not launched with it";
  EXPECT_EQ(refused([](R& r) { r.launch_mit_vector = 3; }).size(), 64U);
  const attestation::Tcb committed{std::nullopt, 3, 0, 23, 218};
  EXPECT_EQ(refused([&](R& r) { r.v1.tcb_version = encode_tcb(committed); }).size(), 64U);
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::milan)) {
    attestation::Tcb above{std::nullopt, 0, 0, 0, 0};
    field.set(above, static_cast<std::uint8_t>(field.get(committed) + 1));
    EXPECT_EQ(refused([&](R& r) { r.v1.tcb_version = encode_tcb(above); }), "0x16") << field.name;
  }
  EXPECT_EQ(refused([](R& r) { r.v1.tcb_version = 1U << 16U; }), "0x16") << "a reserved byte";
}

}  // namespace
}  // namespace extreq::firmware::model
