#include "firmware/model/launch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "firmware/model/cpuid_rules.hpp"
#include "firmware/model/test_guest.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
namespace policy = snp::policy;
using attestation::Product;
using snp::CommandStatus;
using snp::PageType;
using testing::HasSubstr;

class Launch : public testing::Test {
 protected:
  std::unique_ptr<SecureProcessor> processor_ = test_processor();
  GuestHandle guest_ = must(processor_->create_guest());
  GuestPage page_{};

  auto update(PageType type, std::uint64_t gpa) {
    return processor_->launch_update(guest_, {type, gpa, page_});
  }

  // Finishes the launch: the digest from the refusal of an ID block that has another.
  crypto::Sha384Digest digest_of(GuestHandle guest) {
    const auto key = must(crypto::EcdsaP384PrivateKey::generate());
    LaunchFinish finish;
    finish.id_block.emplace();
    finish.id_block->version = snp::id_block_version;
    finish.id_block->launch_digest.fill(0xFF);
    finish.id_auth = sign_id_block(*finish.id_block, key);
    const auto refused = processor_->launch_finish(guest, finish);
    EXPECT_EQ(refused.error().status, CommandStatus::bad_measurement);
    const std::string prefix = "the launch digest is ";
    const auto at = refused.error().message.find(prefix) + prefix.size();
    const Bytes digest = must(from_hex(refused.error().message.substr(at, 96)));
    crypto::Sha384Digest result;
    std::ranges::copy(digest, result.begin());
    return result;
  }
};

template <class T>
void expect_refused(const CommandResult<T>& result, CommandStatus status, const char* words) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().status, status);
  EXPECT_THAT(result.error().message, HasSubstr(words));
}

TEST_F(Launch, CommandsInTheWrongStateAreRefused) {
  expect_refused(update(PageType::normal, 0), CommandStatus::invalid_guest_state,
                 "SNP_LAUNCH_UPDATE: the guest's state is INIT");
  expect_refused(processor_->launch_finish(guest_, {}), CommandStatus::invalid_guest_state,
                 "SNP_LAUNCH_FINISH: the guest's state is INIT");
  must(processor_->launch_start(guest_, {}));
  expect_refused(processor_->launch_start(guest_, {}), CommandStatus::invalid_guest_state,
                 "the guest's state is LAUNCH");
  must(processor_->launch_finish(guest_, {}));
  expect_refused(processor_->launch_start(guest_, {}), CommandStatus::invalid_guest_state,
                 "the guest's state is RUNNING");
  expect_refused(update(PageType::normal, 0), CommandStatus::invalid_guest_state, "RUNNING");
  expect_refused(processor_->launch_finish(guest_, {}), CommandStatus::invalid_guest_state,
                 "RUNNING");
}

TEST_F(Launch, AGuestThatIsGoneIsInvalid) {
  must(processor_->decommission(guest_));
  expect_refused(processor_->decommission(guest_), CommandStatus::invalid_guest,
                 "there is no guest 1");
  expect_refused(processor_->launch_start(guest_, {}), CommandStatus::invalid_guest,
                 "SNP_LAUNCH_START");
  expect_refused(update(PageType::normal, 0), CommandStatus::invalid_guest, "SNP_LAUNCH_UPDATE");
  expect_refused(processor_->launch_finish(guest_, {}), CommandStatus::invalid_guest, "FINISH");
  EXPECT_NE(must(processor_->create_guest()), guest_) << "a handle is never used again";
}

TEST(LaunchLimits, MoreGuestsThanTheLimitAreRefused) {
  Options options;
  options.max_guests = 2;
  const auto processor = test_processor(Product::milan, options);
  const auto first = must(processor->create_guest());
  must(processor->create_guest());
  expect_refused(processor->create_guest(), CommandStatus::resource_limit, "there are 2 guests");
  EXPECT_EQ(must(processor->platform_status()).guest_count, 2U);
  must(processor->decommission(first));
  EXPECT_TRUE(processor->create_guest());
}

TEST_F(Launch, PoliciesThatThePlatformDoesNotKeepAreRefused) {
  constexpr std::uint64_t plain = policy::reserved_one | policy::smt;
  const auto start = [&](std::uint64_t wanted) {
    LaunchStart request;
    request.policy = wanted;
    return processor_->launch_start(guest_, request);
  };
  expect_refused(start(policy::smt), CommandStatus::invalid_param, "bit 17 must be one");
  for (unsigned bit = 26; bit < 64; ++bit) {
    expect_refused(start(plain | 1ULL << bit), CommandStatus::invalid_param, "bits 63:26 zero");
  }
  expect_refused(start(plain | 0x13B), CommandStatus::policy_failure,
                 "the policy asks for ABI 1.59, the firmware has 1.58.29");
  expect_refused(start(plain | 0x200), CommandStatus::policy_failure, "ABI 2.0");
  expect_refused(start(policy::reserved_one), CommandStatus::policy_failure, "forbids SMT");
  expect_refused(start(plain | policy::mem_aes_256_xts), CommandStatus::policy_failure,
                 "AES-256-XTS");
  expect_refused(start(plain | policy::rapl_dis), CommandStatus::policy_failure, "RAPL");
  expect_refused(start(plain | policy::ciphertext_hiding), CommandStatus::policy_failure,
                 "ciphertext");
  EXPECT_TRUE(start(plain | 0x13A | policy::debug | policy::migrate_ma | policy::single_socket));
}

TEST(LaunchPolicy, WhatThePlatformKeepsIsAccepted) {
  Installation installation = test_installation(Product::genoa);
  installation.platform_info =
      snp::platform_info::rapl_dis | snp::platform_info::ciphertext_hiding_dram_en;
  const auto processor = must(SecureProcessor::in_memory(installation));
  LaunchStart start;
  start.policy =
      policy::reserved_one | policy::mem_aes_256_xts | policy::rapl_dis | policy::ciphertext_hiding;
  EXPECT_TRUE(processor->launch_start(must(processor->create_guest()), start));
}

TEST_F(Launch, TheDigestIsThatOfThePages) {
  must(processor_->launch_start(guest_, {}));
  attestation::LaunchDigest expected;
  page_.fill(0x11);
  must(update(PageType::normal, 0x1000));
  expected.add_page(PageType::normal, 0x1000, page_);
  EXPECT_EQ(must(update(PageType::zero, 0x2000)), GuestPage{});
  expected.add_page(PageType::zero, 0x2000, page_);
  must(update(PageType::unmeasured, 0x3000));
  expected.add_page(PageType::unmeasured, 0x3000, page_);
  must(update(PageType::secrets, 0x4000));
  expected.add_page(PageType::secrets, 0x4000, page_);
  must(update(PageType::vmsa, 0x7123));
  expected.add_page(PageType::vmsa, snp::vmsa_gpa, page_);
  must(processor_->launch_update(guest_, {PageType::normal, 0x5000, page_, {false, 1, 2, 3}}));
  expected.add_page(PageType::normal, 0x5000, page_, {false, 1, 2, 3});

  EXPECT_EQ(digest_of(guest_), expected.digest());
}

TEST_F(Launch, RefusedPagesDoNotCount) {
  must(processor_->launch_start(guest_, {}));
  const auto before = digest_of(guest_);
  guest_ = must(processor_->create_guest());
  must(processor_->launch_start(guest_, {}));
  expect_refused(update(PageType::normal, 0x1001), CommandStatus::invalid_address,
                 "GPA 0x1001 is not page aligned");
  expect_refused(update(static_cast<PageType>(7), 0), CommandStatus::invalid_param,
                 "page type 7 does not exist");
  page_[0] = 65;  // CPUID page with too many functions
  expect_refused(update(PageType::cpuid, 0), CommandStatus::invalid_param,
                 "SNP_LAUNCH_UPDATE: CPUID page: COUNT is 65, at most 64 is allowed");
  EXPECT_EQ(digest_of(guest_), before);
}

TEST_F(Launch, TheSecretsPageHasFourRandomKeysAndTheProcessorsSignature) {
  LaunchStart start;
  start.gosvw.fill(0x77);
  start.tsc.factor = 200;
  const TestGuest a(*processor_, start);
  const TestGuest b(*processor_, start);
  const auto& secrets = a.secrets();
  EXPECT_EQ(secrets.version, snp::secrets_page_version);
  EXPECT_EQ(secrets.flags, 0U);
  EXPECT_EQ(secrets.fms, 0x00A00F11U) << "CPUID function 1, EAX of a Milan, model 1, stepping 1";
  EXPECT_EQ(secrets.gosvw, start.gosvw);
  EXPECT_EQ(secrets.tsc_factor, 200U);
  EXPECT_TRUE(all_zero(secrets.os_area)) << "message counters start at zero";
  std::vector<abi::ByteArray<32>> keys;
  for (const auto* s : {&a.secrets(), &b.secrets()}) {
    for (const auto& key : {s->vmpck0, s->vmpck1, s->vmpck2, s->vmpck3}) {
      EXPECT_FALSE(all_zero(key));
      EXPECT_THAT(keys, testing::Not(testing::Contains(key)));
      keys.push_back(key);
    }
  }
}

class CpuidPage : public testing::Test {
 protected:
  static constexpr CpuSignature cpu{0x19, 0x01, 1};
  [[nodiscard]] std::string verdict() const {
    GuestPage page{};
    ByteBuilder bytes;
    bytes.object(head_);
    for (const auto& function : functions_) bytes.object(function);
    std::ranges::copy(bytes.view(), page.begin());
    page.back() = last_byte_;
    const auto status = check_cpuid_page(page, cpu);
    return status ? std::string("accepted") : status.error().message;
  }
  static snp::CpuidFunction function(std::uint32_t leaf, std::uint64_t xcr0_in = 0,
                                     std::uint64_t xss_in = 0, std::uint64_t reserved = 0) {
    snp::CpuidFunction made;
    made.eax_in = leaf;
    made.xcr0_in = xcr0_in;
    made.xss_in = xss_in;
    made.reserved = reserved;
    return made;
  }
  void add(const snp::CpuidFunction& added) {
    functions_.push_back(added);
    head_.count = static_cast<std::uint32_t>(functions_.size());
  }
  snp::CpuidRequestHead head_;
  std::vector<snp::CpuidFunction> functions_;
  std::uint8_t last_byte_ = 0;
};

TEST_F(CpuidPage, AcceptsWhatTheProcessorIs) {
  EXPECT_EQ(verdict(), "accepted");
  add(function(0));
  auto signature = function(1);
  signature.eax = 0x00A00F11;
  add(signature);
  signature.eax_in = 0x80000001;
  add(signature);
  add(function(0xD, 7, 1));
  while (functions_.size() < snp::cpuid_function_max) add(function(0x8000FFFF));
  EXPECT_EQ(verdict(), "accepted");
}

TEST_F(CpuidPage, RefusesAnotherProcessor) {
  auto other = function(1);
  other.eax = 0x00A10F11;
  add(other);
  EXPECT_EQ(verdict(), "CPUID function 0x1: EAX is 0xa10f11, the processor's is 0xa00f11");
  functions_[0].eax_in = 0x80000001;
  EXPECT_THAT(verdict(), HasSubstr("CPUID function 0x80000001: EAX is 0xa10f11"));
}

TEST_F(CpuidPage, RefusesOtherRangesAndStrayFields) {
  for (const std::uint32_t leaf : {0x10000U, 0x40000000U, 0x7FFFFFFFU, 0x80010000U}) {
    functions_.clear();
    add(function(leaf));
    EXPECT_THAT(verdict(), HasSubstr("only the standard and the extended range"));
  }
  functions_.clear();
  add(function(7, 1));
  EXPECT_THAT(verdict(), HasSubstr("XCR0_IN 0x1 and XSS_IN 0x0 belong to function 0xd alone"));
  functions_.clear();
  add(function(7, 0, 1));
  EXPECT_THAT(verdict(), HasSubstr("XSS_IN 0x1"));
  functions_.clear();
  add(function(7, 0, 0, 9));
  EXPECT_THAT(verdict(), HasSubstr("the reserved field is 0x9"));
  functions_.clear();
  add(function(7));
  last_byte_ = 1;
  EXPECT_THAT(verdict(), HasSubstr("the bytes behind its 1 functions are not zero"));
  last_byte_ = 0;
  head_.count = 0;
  EXPECT_THAT(verdict(), HasSubstr("the bytes behind its 0 functions are not zero"));
  head_.count = 1;
  head_.reserved[11] = 1;
  EXPECT_THAT(verdict(), HasSubstr("the reserved bytes at 4"));
  head_.count = 0xFFFFFFFF;
  EXPECT_THAT(verdict(), HasSubstr("COUNT is 4294967295"));
}

}  // namespace
}  // namespace extreq::firmware::model
