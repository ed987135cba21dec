#include "guest/device_transport.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <deque>

#include <gmock/gmock.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "attestation/certificate_table.hpp"
#include "base/byte_builder.hpp"
#include "base/temporary_directory.hpp"
#include "guest/test_host.hpp"

namespace extreq::guest {
namespace {

namespace snp = abi::snp;
namespace sev_guest = abi::sev_guest;
namespace request = abi::ghcb::guest_request;
using testing::HasSubstr;

// What Linux's driver does with an ioctl, as its documentation and facts about it say: it wipes its
// key after every outcome but success and "buffer too small".
class FakeDriver {
 public:
  struct Failure {
    int error;
    std::uint32_t vmm_error = 0;
    std::uint32_t firmware_status = 0;
    bool wipes_key = true;  // drivers before that rule do not
  };

  int operator()(int /*fd*/, std::uint32_t number, sev_guest::GuestRequestIoctl& argument) {
    ++calls;
    EXPECT_EQ(argument.msg_version, 1);
    EXPECT_EQ(argument.exitinfo2, 0U);
    if (calls > 100) {
      ADD_FAILURE() << "ioctls without end";
      return EIO;
    }
    if (before) before(*this);
    if (!key) return ENOTTY;
    switch (number) {
      case sev_guest::ioctl_get_report:
        return report(argument);
      case sev_guest::ioctl_get_ext_report:
        return extended_report(argument);
      case sev_guest::ioctl_get_derived_key:
        return derived_key(argument);
      default:
        return ENOTTY;
    }
  }

  Bytes table;                  // what the host serves
  std::deque<Failure> failing;  // the host's next answers; then it answers well
  std::function<void(FakeDriver&)> before;
  std::uint32_t response_status = 0;
  bool report_of_zeros = false;

  bool key = true;
  unsigned calls = 0;
  unsigned plain_calls = 0;
  std::vector<std::uint32_t> offered;  // certs_len
  sev_guest::ReportReq last{};

 private:
  int host(sev_guest::GuestRequestIoctl& argument) {
    if (failing.empty()) return 0;
    const Failure failure = failing.front();
    failing.pop_front();
    argument.exitinfo2 = request::encode_exitinfo2(failure.vmm_error, failure.firmware_status);
    if (failure.wipes_key) key = false;
    return failure.error;
  }

  void respond(const sev_guest::ReportReq& asked, std::uint64_t address) {
    const auto fields = std::bit_cast<snp::ReportRequest>(asked);
    last = asked;
    snp::ReportResponse response;
    response.status = response_status;
    response.report_size = sizeof(snp::AttestationReport);
    if (!report_of_zeros) {
      response.report.version = 2;
      response.report.report_data = fields.report_data;
      response.report.vmpl = fields.vmpl;
    }
    auto* to = std::bit_cast<sev_guest::ReportResp*>(address);
    *to = {};
    std::memcpy(to->data.data(), &response, sizeof(response));
  }

  int report(sev_guest::GuestRequestIoctl& argument) {
    ++plain_calls;
    if (const int error = host(argument); error != 0) return error;
    respond(*std::bit_cast<sev_guest::ReportReq*>(argument.req_data), argument.resp_data);
    return 0;
  }

  int extended_report(sev_guest::GuestRequestIoctl& argument) {
    auto& asked = *std::bit_cast<sev_guest::ExtReportReq*>(argument.req_data);
    offered.push_back(asked.certs_len);
    std::uint32_t length = 0;
    if (asked.certs_len != 0 && asked.certs_address != 0) {
      if (asked.certs_len > sev_guest::certificates_max_size || asked.certs_len % 4096 != 0) {
        return EINVAL;
      }
      length = asked.certs_len;
      std::memset(std::bit_cast<std::uint8_t*>(asked.certs_address), 0, length);
    }
    if (const int error = host(argument); error != 0) return error;
    if (table.size() > length) {
      argument.exitinfo2 = request::encode_exitinfo2(request::vmm_error_invalid_len, 0);
      asked.certs_len = static_cast<std::uint32_t>(attestation::pages_for(table.size()) * 4096);
      return EIO;
    }
    if (!table.empty()) {
      std::memcpy(std::bit_cast<std::uint8_t*>(asked.certs_address), table.data(), table.size());
    }
    respond(asked.data, argument.resp_data);
    return 0;
  }

  int derived_key(sev_guest::GuestRequestIoctl& argument) {
    if (const int error = host(argument); error != 0) return error;
    const auto& asked = *std::bit_cast<sev_guest::DerivedKeyReq*>(argument.req_data);
    snp::KeyResponse response;
    response.status = response_status;
    response.derived_key.fill(static_cast<std::uint8_t>(asked.guest_svn));
    std::memcpy(std::bit_cast<sev_guest::DerivedKeyResp*>(argument.resp_data)->data.data(),
                &response, sizeof(response));
    return 0;
  }
};

class Device : public testing::Test {
 protected:
  std::unique_ptr<DeviceTransport> device_with(DeviceTransport::Options options) {
    return std::make_unique<DeviceTransport>(UniqueFd(), std::ref(driver_), std::move(options));
  }

  FakeDriver driver_;
  std::unique_ptr<DeviceTransport> device_ = device_with({});
};

TEST_F(Device, GivesTheReportThatWasAskedFor) {
  ReportQuery query = test_query(0x77);
  query.key_sel = snp::key_sel_vlek;
  const auto reply = device_->report(query);
  ASSERT_TRUE(reply) << reply.error().error.message;
  EXPECT_EQ(reply->report.size(), sizeof(snp::AttestationReport));
  EXPECT_EQ(driver_.last.user_data, query.report_data);
  EXPECT_EQ(driver_.last.vmpl, query.vmpl);
  EXPECT_EQ(driver_.last.rsvd[0], snp::key_sel_vlek) << "KEY_SEL lies behind the VMPL";
  EXPECT_TRUE(all_zero(ByteView(driver_.last.rsvd).subspan(1)));
}

TEST_F(Device, GivesReportAndTableInOneCall) {
  driver_.table = test_table(5000);
  const auto evidence = device_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(std::ranges::equal(driver_.table, ByteView(evidence->certificate_table).first(5000)));
  EXPECT_FALSE(evidence->notes.no_certificates);
  EXPECT_EQ(driver_.calls, 1U);
}

TEST_F(Device, AsksForTheLengthFirstWhenToldTo) {
  driver_.table = test_table(5000);
  const auto evidence =
      device_with({.limits = {.table_pages_first = 0}, .stop = {}})->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(driver_.offered, (std::vector<std::uint32_t>{0, 8192}));
  EXPECT_EQ(evidence->certificate_table.size(), 8192U);
  EXPECT_EQ(evidence->notes.sends, 2U);
  ASSERT_TRUE(evidence->notes.too_small);
  EXPECT_EQ(evidence->notes.too_small->pages_offered, 0U);
  EXPECT_EQ(evidence->notes.too_small->pages_wanted, 2U);
  EXPECT_EQ(evidence->notes.too_small->driver_errno, EIO);
}

TEST_F(Device, FollowsATableThatGrowsBetweenQueryAndFetch) {
  driver_.table = test_table(100);
  driver_.before = [](FakeDriver& driver) {
    driver.table = test_table(std::min(driver.table.size() + 4096, std::size_t{12300}));
  };
  const auto evidence =
      device_with({.limits = {.table_pages_first = 0}, .stop = {}})->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_FALSE(evidence->notes.no_certificates);
  EXPECT_EQ(evidence->notes.table_growths, 3U);
}

TEST_F(Device, ATableThatGrowsOnceTooOftenEndsInAPlainReport) {
  driver_.before = [](FakeDriver& driver) { driver.table = test_table(4096 * driver.calls); };
  const auto evidence =
      device_with({.limits = {.table_pages_first = 0, .table_growths_max = 2}, .stop = {}})
          ->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_keeps_growing);
  EXPECT_EQ(driver_.plain_calls, 1U);
}

TEST_F(Device, ATableMayGrowAgainInEachCall) {
  const auto device =
      device_with({.limits = {.table_pages_first = 1, .table_growths_max = 1}, .stop = {}});
  for (const std::size_t pages : {2U, 3U, 4U}) {
    driver_.table = test_table(pages * 4096);
    const auto evidence = device->extended_report(test_query());
    ASSERT_TRUE(evidence);
    EXPECT_EQ(evidence->certificate_table, driver_.table);
  }
}

TEST_F(Device, ATableLargerThanTheDriverTakesEndsInAPlainReport) {
  driver_.table = test_table(16385);
  const auto evidence = device_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(evidence->certificate_table.empty());
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::table_too_large);
  EXPECT_EQ(evidence->notes.pages_wanted, 5U);
  EXPECT_EQ(driver_.plain_calls, 1U);
  for (const auto length : driver_.offered) EXPECT_LE(length, sev_guest::certificates_max_size);
}

TEST_F(Device, OldDriversSayThatABufferIsTooSmallWithAnotherErrno) {
  driver_.failing = {{.error = ENOSPC,
                      .vmm_error = request::vmm_error_invalid_len,
                      .firmware_status = 0,
                      .wipes_key = false}};
  const auto evidence = device_->extended_report(test_query());
  ASSERT_TRUE(evidence) << evidence.error().error.message;
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::absurd_length);
  ASSERT_TRUE(evidence->notes.too_small);
  EXPECT_EQ(evidence->notes.too_small->driver_errno, ENOSPC);
}

TEST_F(Device, AnEmptyTableIsAPlainReportWithANote) {
  const auto evidence = device_->extended_report(test_query());
  ASSERT_TRUE(evidence);
  EXPECT_TRUE(evidence->certificate_table.empty());
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::host_has_none);
  EXPECT_EQ(driver_.calls, 1U);
}

// go-sev-guest#102: the plain report was lost too.
TEST_F(Device, AHostThatNeverHeardOfATableGetsAPlainRequest) {
  driver_.failing = {
      {.error = EIO,
       .firmware_status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate),
       .wipes_key = false}};
  const auto evidence = device_->extended_report(test_query());
  ASSERT_TRUE(evidence) << evidence.error().error.message;
  EXPECT_EQ(evidence->notes.no_certificates, NoCertificates::host_has_none);
}

TEST_F(Device, IfTheDriverGaveUpItsKeyTheFirstFailureIsTheOneReported) {
  driver_.failing = {
      {.error = EIO,
       .firmware_status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate)}};
  const auto failure = device_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().firmware_status,
            static_cast<std::uint32_t>(snp::CommandStatus::invalid_certificate));
  EXPECT_FALSE(device_->usable());
}

// sev-guest#43, snpguest#154: numbers without a meaning.
TEST_F(Device, AnErrorOfTheFirmwareIsDecodedAndTheKeyIsLost) {
  driver_.failing = {
      {.error = EIO,
       .firmware_status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_key)}};
  const auto failure = device_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().firmware_status,
            static_cast<std::uint32_t>(snp::CommandStatus::invalid_key));
  EXPECT_FALSE(failure.error().vmm_error);
  EXPECT_TRUE(failure.error().key_retired);
  EXPECT_THAT(failure.error().error.message, HasSubstr("invalid key"));

  const auto next = device_->report(test_query());
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().error.code, Code::closed);
  EXPECT_THAT(next.error().error.message, HasSubstr("disabled its VMPCK"));
}

TEST_F(Device, AnErrorOfTheHostIsDecodedAndTheKeyIsLost) {
  driver_.failing = {{.error = EIO, .vmm_error = abi::kvm::snp_guest_vmm_err_generic}};
  const auto failure = device_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().vmm_error, abi::kvm::snp_guest_vmm_err_generic);
  EXPECT_FALSE(failure.error().firmware_status);
  EXPECT_TRUE(failure.error().key_retired);
}

// A kernel that says "success" and leaves numbers that say otherwise.
TEST_F(Device, ASuccessWithErrorNumbersIsAFailure) {
  driver_.failing = {{.error = 0, .vmm_error = 0, .firmware_status = 5, .wipes_key = false}};
  auto inner = std::ref(driver_);
  DeviceTransport device(UniqueFd(),
                         [&](int fd, std::uint32_t number, sev_guest::GuestRequestIoctl& argument) {
                           const int error = inner(fd, number, argument);
                           argument.exitinfo2 = 5;
                           return error;
                         },
                         {});
  const auto failure = device.report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().firmware_status, 5U);
}

TEST_F(Device, EachErrnoHasItsMeaning) {
  struct Case {
    int error;
    Code code;
    bool key_lost;
    const char* words;
  };
  for (const Case& expected :
       {Case{ENOTTY, Code::closed, true, "disabled its VMPCK"},
        Case{EINVAL, Code::invalid_input, false, "16 KiB"},
        Case{ETIMEDOUT, Code::closed, true, "stayed busy"},
        Case{EBADMSG, Code::not_genuine, true, "not the firmware's"},
        Case{EINTR, Code::busy, false, "signal"}, Case{EAGAIN, Code::busy, false, "busy"},
        Case{EPERM, Code::io, false, "permission"}, Case{EIO, Code::io, false, "kernel log"}}) {
    driver_ = {};
    driver_.failing = {{.error = expected.error, .wipes_key = false}};
    const auto device = device_with({});
    const auto failure = device->report(test_query());
    ASSERT_FALSE(failure) << expected.error;
    EXPECT_EQ(failure.error().error.code, expected.code) << expected.error;
    EXPECT_EQ(failure.error().key_retired, expected.key_lost) << expected.error;
    EXPECT_EQ(device->usable(), !expected.key_lost) << expected.error;
    EXPECT_FALSE(failure.error().vmm_error);
    EXPECT_FALSE(failure.error().firmware_status);
    EXPECT_THAT(failure.error().error.message, HasSubstr(expected.words));
    EXPECT_EQ(driver_.calls, 1U) << "nothing is repeated by itself";
  }
}

TEST_F(Device, AStatusInsideTheResponseLeavesTheDeviceUsable) {
  driver_.response_status = static_cast<std::uint32_t>(snp::CommandStatus::invalid_param);
  const auto failure = device_->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().response_status, driver_.response_status);
  EXPECT_FALSE(failure.error().key_retired);
  EXPECT_TRUE(device_->usable());
}

// svsm#589.
TEST_F(Device, AReportOfZerosIsRefused) {
  driver_.report_of_zeros = true;
  const auto failure = device_->extended_report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::not_genuine);
}

TEST_F(Device, GivesDerivedKeysOfVersionOneOnly) {
  const auto key = device_->derived_key({.guest_svn = 0x21, .version_2 = {}});
  ASSERT_TRUE(key);
  EXPECT_EQ(key->view()[0], 0x21);
  const auto newer = device_->derived_key({.version_2 = FirmwareHasKeyRequestV2{}});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().error.code, Code::unsupported);
  EXPECT_EQ(driver_.calls, 1U);
}

TEST_F(Device, AStopIsNoticedBeforeTheNextIoctl) {
  std::stop_source stop;
  const auto device = device_with({.limits = {}, .stop = stop.get_token()});
  ASSERT_TRUE(device->report(test_query()));
  stop.request_stop();
  EXPECT_EQ(device->report(test_query()).error().error.code, Code::busy);
  EXPECT_EQ(driver_.calls, 1U);
}

TEST_F(Device, TheDriversKeyCannotBeDroppedFromHere) {
  EXPECT_EQ(device_->drop_key().error().code, Code::unsupported);
}

TEST_F(Device, AWrongQuestionDoesNotReachTheDriver) {
  ReportQuery wrong = test_query();
  wrong.vmpl = 4;
  EXPECT_FALSE(device_->report(wrong));
  EXPECT_FALSE(device_->extended_report(wrong));
  EXPECT_EQ(driver_.calls, 0U);
}

TEST(DeviceFile, AMissingDeviceIsNotFoundAndAnotherFileIsNoDevice) {
  const auto directory = TemporaryDirectory::create("guest");
  ASSERT_TRUE(directory);
  EXPECT_EQ(DeviceTransport::open(directory->path() + "/sev-guest").error().code, Code::not_found);

  const auto other = DeviceTransport::open("/dev/null");
  ASSERT_TRUE(other) << other.error().message;
  const auto failure = (*other)->report(test_query());
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().error.code, Code::closed) << "ENOTTY";
}

}  // namespace
}  // namespace extreq::guest
