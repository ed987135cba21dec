#include "guest/ghcb_return.hpp"

#include <gmock/gmock.h>

#include "abi/ghcb.hpp"
#include "abi/kvm.hpp"
#include "abi/snp_firmware.hpp"

namespace extreq::guest {
namespace {

namespace ghcb = abi::ghcb;
namespace request = abi::ghcb::guest_request;
using Kind = GhcbReturn::Kind;
using testing::HasSubstr;

constexpr auto invalid_certificate =
    static_cast<std::uint32_t>(abi::snp::CommandStatus::invalid_certificate);

GhcbReturn no_action(ExitKind exit, std::uint32_t vmm_error, std::uint32_t status,
                     std::uint64_t rbx = 0) {
  return read_answer(exit, ghcb::answer::no_action, request::encode_exitinfo2(vmm_error, status),
                     rbx);
}

TEST(GhcbReturn, BothHalvesZeroMeanThatThereIsAResponse) {
  EXPECT_EQ(no_action(ExitKind::plain, 0, 0).kind, Kind::answered);
  EXPECT_EQ(no_action(ExitKind::extended, 0, 0).kind, Kind::answered);
}

TEST(GhcbReturn, BusyMayBeSentAgain) {
  EXPECT_EQ(no_action(ExitKind::plain, request::vmm_error_busy, 0).kind, Kind::busy);
  EXPECT_EQ(no_action(ExitKind::extended, request::vmm_error_busy, 0).kind, Kind::busy);
}

TEST(GhcbReturn, OnlyAnExtendedRequestCanHaveTooFewPages) {
  const auto extended = no_action(ExitKind::extended, request::vmm_error_invalid_len, 0, 5);
  EXPECT_EQ(extended.kind, Kind::too_few_pages);
  EXPECT_EQ(extended.pages_wanted, 5U);
  EXPECT_EQ(no_action(ExitKind::plain, request::vmm_error_invalid_len, 0, 5).kind, Kind::failed);
}

TEST(GhcbReturn, AnyFirmwareStatusIsAFailureWhateverTheVmmErrorSays) {
  for (const std::uint32_t vmm_error :
       {request::vmm_error_none, request::vmm_error_invalid_len, request::vmm_error_busy}) {
    for (const std::uint32_t status : {0x16U, 0x1DU, 0x27U, 0xFFFFFFFFU}) {
      const auto answer = no_action(ExitKind::extended, vmm_error, status);
      EXPECT_EQ(answer.kind, Kind::failed);
      EXPECT_EQ(answer.vmm_error, vmm_error);
      EXPECT_EQ(answer.firmware_status, status);
    }
  }
}

// go-sev-guest#102: hosts of the first generation without a table.
TEST(GhcbReturn, InvalidCertificateMeansNoTableForAnExtendedRequestOnly) {
  EXPECT_EQ(no_action(ExitKind::extended, 0, invalid_certificate).kind, Kind::no_certificates);
  EXPECT_EQ(no_action(ExitKind::plain, 0, invalid_certificate).kind, Kind::failed);
  EXPECT_EQ(no_action(ExitKind::extended, request::vmm_error_busy, invalid_certificate).kind,
            Kind::failed);
}

TEST(GhcbReturn, EveryOtherVmmErrorIsAFailure) {
  for (const std::uint32_t error :
       {std::uint32_t{3}, abi::kvm::snp_guest_vmm_err_generic, std::uint32_t{0x80000000}}) {
    const auto answer = no_action(ExitKind::extended, error, 0);
    EXPECT_EQ(answer.kind, Kind::failed);
    EXPECT_EQ(answer.vmm_error, error);
  }
}

TEST(GhcbReturn, MalformedInputWasNotPassedOnAndNamesItsReason) {
  for (const std::uint64_t reason :
       {ghcb::malformed::ghcb_not_registered, ghcb::malformed::invalid_usage,
        ghcb::malformed::invalid_scratch_area, ghcb::malformed::missing_input,
        ghcb::malformed::invalid_input}) {
    const auto answer = read_answer(ExitKind::extended, ghcb::answer::malformed_input, reason, 0);
    EXPECT_EQ(answer.kind, Kind::not_taken) << reason;
    EXPECT_THAT(answer.why, HasSubstr("malformed input"));
    EXPECT_THAT(answer.why, testing::Not(HasSubstr("does not list"))) << reason;
  }
  EXPECT_THAT(read_answer(ExitKind::plain, ghcb::answer::malformed_input, 99, 0).why,
              HasSubstr("does not list"));
}

TEST(GhcbReturn, AnUnknownEventIsNoFailureOfAnExtendedRequest) {
  const auto answer = [](ExitKind exit) {
    return read_answer(exit, ghcb::answer::malformed_input, ghcb::malformed::invalid_event, 0);
  };
  EXPECT_EQ(answer(ExitKind::extended).kind, Kind::unknown_event);
  EXPECT_EQ(answer(ExitKind::plain).kind, Kind::not_taken);
}

TEST(GhcbReturn, OnlyTheTwoAllowedExceptionsCount) {
  const auto kind = [](std::uint64_t eventinj) {
    return read_answer(ExitKind::plain, ghcb::answer::issue_exception, eventinj, 0).kind;
  };
  EXPECT_EQ(kind(ghcb::encode_exception(ghcb::vector_gp)), Kind::not_taken);
  EXPECT_EQ(kind(ghcb::encode_exception(ghcb::vector_ud)), Kind::not_taken);
  EXPECT_EQ(kind(ghcb::encode_exception(14)), Kind::failed);
  EXPECT_EQ(kind(ghcb::vector_gp), Kind::failed) << "not marked valid";
  EXPECT_EQ(kind(ghcb::encode_exception(ghcb::vector_gp) | std::uint64_t{1} << 32), Kind::failed);
  EXPECT_EQ(kind(0), Kind::failed);
}

TEST(GhcbReturn, AnythingElseInSwExitinfo1IsAFailure) {
  for (const std::uint64_t info1 :
       {std::uint64_t{3}, std::uint64_t{0x20000}, std::uint64_t{0xFFFFFFFF}}) {
    const auto answer = read_answer(ExitKind::plain, info1, 0, 0);
    EXPECT_EQ(answer.kind, Kind::failed) << info1;
    EXPECT_FALSE(answer.why.empty());
  }
}

}  // namespace
}  // namespace extreq::guest
