#include "guest/failure.hpp"

#include <gmock/gmock.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"

namespace extreq::guest {
namespace {

using abi::snp::MessageType;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
namespace request = abi::ghcb::guest_request;

std::uint32_t number(abi::snp::CommandStatus status) { return static_cast<std::uint32_t>(status); }

// attestation-rs#32: "Unknown FW error 0" for an error that was the host's.
TEST(Failure, AHostErrorIsNotShownAsAFirmwareStatusOfZero) {
  const auto failure = failure_of_command(request::vmm_error_invalid_len, 0, KeyState::lives);
  EXPECT_EQ(failure.vmm_error, request::vmm_error_invalid_len);
  EXPECT_FALSE(failure.firmware_status);
  EXPECT_THAT(failure.error.message,
              AllOf(HasSubstr("VMM error 0x1 (buffer too small)"),
                    HasSubstr("the firmware gave no status"), HasSubstr("offer more pages")));
  EXPECT_FALSE(failure.key_retired);
}

// sev-guest#43: 0x27 came with an errno that nobody could read.
TEST(Failure, AFirmwareStatusHasItsNameAndTheNextStep) {
  const auto failure =
      failure_of_command(0, number(abi::snp::CommandStatus::invalid_key), KeyState::retired);
  EXPECT_FALSE(failure.vmm_error);
  EXPECT_EQ(failure.firmware_status, number(abi::snp::CommandStatus::invalid_key));
  EXPECT_EQ(failure.error.code, Code::closed);
  EXPECT_TRUE(failure.key_retired);
  EXPECT_THAT(failure.error.message,
              AllOf(HasSubstr("firmware status 0x27 (invalid key)"), HasSubstr("KEY_SEL 0"),
                    HasSubstr("restart the guest"), HasSubstr("the host reports no error")));
}

TEST(Failure, BothNumbersAreKeptWhenBothAreSet) {
  const auto failure = failure_of_command(
      request::vmm_error_busy, number(abi::snp::CommandStatus::aead_overflow), KeyState::lives);
  EXPECT_EQ(failure.vmm_error, request::vmm_error_busy);
  EXPECT_EQ(failure.firmware_status, number(abi::snp::CommandStatus::aead_overflow));
  EXPECT_NE(failure.error.code, Code::busy) << "the firmware has answered";
}

TEST(Failure, CodesTellTheCallerWhatToDo) {
  EXPECT_EQ(failure_of_command(request::vmm_error_busy, 0, KeyState::lives).error.code, Code::busy);
  EXPECT_EQ(failure_of_command(request::vmm_error_busy, 0, KeyState::retired).error.code,
            Code::closed);
  EXPECT_EQ(failure_of_command(7, 0, KeyState::lives).error.code, Code::unsupported);
}

TEST(Failure, NumbersThatNobodyDefinedAreSaidToBeUnknown) {
  const auto failure = failure_of_command(7, 0xFFF, KeyState::retired);
  EXPECT_THAT(failure.error.message, AllOf(HasSubstr("VMM error 0x7 (unknown)"),
                                           HasSubstr("firmware status 0xfff (unknown status)")));
  EXPECT_EQ(vmm_error_name(abi::kvm::snp_guest_vmm_err_generic), "generic");
  EXPECT_EQ(vmm_error_name(0), "none");
}

// sev-guest#26: VMPL 0 asked from VMPL 1 gave 0x16 and no word about VMPLs.
TEST(Failure, AnInvalidParameterInAReportResponseSpeaksOfTheVmpl) {
  const auto failure =
      failure_of_response(MessageType::report_rsp, number(abi::snp::CommandStatus::invalid_param));
  EXPECT_EQ(failure.response_status, number(abi::snp::CommandStatus::invalid_param));
  EXPECT_FALSE(failure.firmware_status) << "the command itself succeeded";
  EXPECT_FALSE(failure.vmm_error);
  EXPECT_FALSE(failure.key_retired);
  EXPECT_EQ(failure.error.code, Code::invalid_input);
  EXPECT_THAT(failure.error.message, HasSubstr("VMPL below your own"));
}

TEST(Failure, TheSameStatusMeansSomethingElseInAKeyResponse) {
  const auto words = [](MessageType type, abi::snp::CommandStatus status) {
    return failure_of_response(type, number(status)).error.message;
  };
  EXPECT_THAT(words(MessageType::key_rsp, abi::snp::CommandStatus::invalid_param),
              AllOf(HasSubstr("GUEST_SVN"), HasSubstr("TCB_VERSION")));
  EXPECT_THAT(words(MessageType::report_rsp, abi::snp::CommandStatus::invalid_param),
              Not(HasSubstr("GUEST_SVN")));
  EXPECT_THAT(words(MessageType::report_rsp, abi::snp::CommandStatus::invalid_key),
              HasSubstr("has not loaded"));
}

// snpguest#154: 0x16 without a meaning. Each status that hosts were seen to give has a step of its
// own, not the one for all others.
TEST(Failure, EachStatusSeenInTheFieldHasItsOwnAdvice) {
  const auto words = [](std::uint32_t status) {
    return failure_of_command(0, status, KeyState::retired).error.message;
  };
  for (const auto status :
       {abi::snp::CommandStatus::invalid_param, abi::snp::CommandStatus::aead_overflow,
        abi::snp::CommandStatus::invalid_key, abi::snp::CommandStatus::invalid_certificate,
        abi::snp::CommandStatus::invalid_address, abi::snp::CommandStatus::resource_limit}) {
    EXPECT_THAT(words(number(status)), Not(HasSubstr("AMD document"))) << number(status);
  }
  EXPECT_THAT(words(number(abi::snp::CommandStatus::active)), HasSubstr("AMD document"));
}

}  // namespace
}  // namespace extreq::guest
