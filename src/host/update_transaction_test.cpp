#include "host/update_transaction.hpp"

#include <csignal>
#include <functional>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "host/test_platform.hpp"
#include "host/update_plan.hpp"
#include "lease/lease_test_tools.hpp"

namespace extreq::host {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t empty_table_size = 24;

bool is_empty(const std::optional<Bytes>& table) {
  return table && (table->empty() || all_zero(ByteView(*table).first(empty_table_size)));
}

class UpdateTransactionTest : public testing::Test {
 protected:
  TestPlatform platform_;
  lease::BlobWriter writer_{platform_.blob()};
  UpdateTransaction update_{writer_, platform_.processor(), platform_.provider()};

  [[nodiscard]] bool served_fits() {
    const auto state = read_signing_state(platform_.processor());
    const auto table = platform_.served();
    return state && table && check_fits(*table, *state).has_value();
  }
};

TEST_F(UpdateTransactionTest, PublishesTheTableForTheStateThatIs) {
  const auto report = update_.publish_current(1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, TheTableFollowsTheCommand) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto old_table = platform_.served();
  const auto report =
      update_.run(plan_tcb(tcb_new, [&](int) { return platform_.report_tcb(tcb_new); }), 1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(report->command_error);
  EXPECT_FALSE(report->no_certificates);
  ASSERT_TRUE(report->after);
  EXPECT_EQ(report->after->reported_tcb, attestation::encode_tcb(tcb_new));
  EXPECT_NE(platform_.served(), old_table);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, TheNextCertificatesAreThereBeforeTheCommandRuns) {
  int asked_before_command = 0;
  const auto report = update_.run(plan_tcb(tcb_new,
                                           [&](int) {
                                             asked_before_command = platform_.asked;
                                             return platform_.report_tcb(tcb_new);
                                           }),
                                  1s);
  ASSERT_TRUE(report);
  EXPECT_EQ(asked_before_command, 1);
  EXPECT_EQ(platform_.asked, 1);
}

TEST_F(UpdateTransactionTest, NoReaderGetsATableWhileTheCommandRuns) {
  ASSERT_TRUE(update_.publish_current(1s));
  bool refused = false;
  ASSERT_TRUE(update_.run(plan_tcb(tcb_new,
                                   [&](int) {
                                     refused = !platform_.served().has_value();
                                     return platform_.report_tcb(tcb_new);
                                   }),
                          1s));
  EXPECT_TRUE(refused);
}

TEST_F(UpdateTransactionTest, WithoutCertificatesForThePlanNothingChanges) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto old_table = platform_.served();
  UpdateTransaction offline(writer_, platform_.processor(), [](const SigningState&) {
    return Result<Bytes>(fail(Code::io, "the key service does not answer"));
  });
  bool ran = false;
  const auto report = offline.run(plan_tcb(tcb_new,
                                           [&](int) {
                                             ran = true;
                                             return Status{};
                                           }),
                                  1s);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "the key service does not answer");
  EXPECT_FALSE(ran);
  EXPECT_EQ(platform_.served(), old_table);
}

TEST_F(UpdateTransactionTest, ACommandThatFailsLeavesTheTableForTheStateThatIs) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto report = update_.run(
      plan_tcb(tcb_new, [](int) { return Status(fail(Code::io, "exit status 1")); }), 1s);
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->command_error);
  EXPECT_EQ(report->command_error->message, "exit status 1");
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, ACommandThatLeadsElsewhereGetsTheTableForThatState) {
  const auto report =
      update_.run(plan_tcb(tcb_old, [&](int) { return platform_.report_tcb(tcb_new); }), 1s);
  ASSERT_TRUE(report);
  EXPECT_TRUE(served_fits());
  EXPECT_EQ(platform_.asked, 2);
}

TEST_F(UpdateTransactionTest, AStateWithoutCertificatesIsServedAsAnEmptyTable) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto provider = platform_.provider();
  UpdateTransaction once(writer_, platform_.processor(),
                         [provider, first = true](const SigningState& state) mutable {
                           if (std::exchange(first, false)) return provider(state);
                           return Result<Bytes>(fail(Code::io, "the key service does not answer"));
                         });
  const auto report =
      once.run(plan_tcb(tcb_old, [&](int) { return platform_.report_tcb(tcb_new); }), 1s);
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->no_certificates);
  EXPECT_EQ(report->no_certificates->message, "the key service does not answer");
  EXPECT_TRUE(is_empty(platform_.served()));
}

TEST_F(UpdateTransactionTest, ATableThatDoesNotFitIsNeverServed) {
  UpdateTransaction wrong(writer_, platform_.processor(), [&](SigningState state) {
    state.reported_tcb = attestation::encode_tcb(tcb_new);
    return platform_.provider()(state);
  });
  const auto report = wrong.publish_current(1s);
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->no_certificates);
  EXPECT_EQ(report->no_certificates->message,
            "certificate table: the VCEK is for bootloader 4, TEE 0, SNP 22, microcode 213, "
            "reports are for bootloader 3, TEE 0, SNP 20, microcode 200");
  EXPECT_TRUE(is_empty(platform_.served()));
}

TEST_F(UpdateTransactionTest, MaskedKeysAreServedAsAnEmptyTable) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto report = update_.run(plan_config(platform_.processor(), {{}, {}, true}), 1s);
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_TRUE(report->no_certificates);
  EXPECT_EQ(report->no_certificates->code, Code::not_found);
  EXPECT_TRUE(is_empty(platform_.served()));
}

TEST_F(UpdateTransactionTest, APlatformThatDoesNotAnswerAfterTheCommandLeavesTheEmptyTable) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto report =
      update_.run(plan_tcb(tcb_new,
                           [&](int) {
                             auto done = platform_.report_tcb(tcb_new);
                             platform_.processor().faults().fail_platform_commands(
                                 abi::snp::CommandStatus::hardware_error_platform, 1);
                             return done;
                           }),
                  1s);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->after);
  ASSERT_TRUE(report->no_certificates);
  EXPECT_TRUE(is_empty(platform_.served()));
}

TEST_F(UpdateTransactionTest, ALeaseThatIsHeldMakesItWaitAndThenGiveUpUnchanged) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto old_table = platform_.served();
  lease::BlobSource source(platform_.blob());
  auto holder = source.open_holder();
  ASSERT_TRUE(holder);
  ASSERT_TRUE((*holder)->acquire({}));
  bool ran = false;
  const auto report = update_.run(plan_tcb(tcb_new,
                                           [&](int) {
                                             ran = true;
                                             return Status{};
                                           }),
                                  20ms);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::busy);
  EXPECT_FALSE(ran);
  (*holder)->release();
  EXPECT_EQ(platform_.served(), old_table);
}

TEST_F(UpdateTransactionTest, ACommitThatLosesTheVlekIsFollowedToTheVcek) {
  platform_.load_vlek("provider", "provider");
  ASSERT_TRUE(update_.publish_current(1s));
  ASSERT_TRUE(served_fits());
  const auto commit = [&](int) -> Status {
    if (!platform_.processor().commit()) return fail(Code::io, "commit");
    return {};
  };
  const auto report = update_.run(plan_tcb(tcb_new, commit), 1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->before.vlek_loaded);
  ASSERT_TRUE(report->after);
  EXPECT_FALSE(report->after->vlek_loaded);
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, ALoadThatFailsLeavesNoCertificatesOfTheProviderThatWasToCome) {
  platform_.load_vlek("A", "A");
  ASSERT_TRUE(update_.publish_current(1s));
  ASSERT_TRUE(served_fits());
  auto hashstick = platform_.processor().kds().wrap_vlek("B", tcb_old);
  ASSERT_TRUE(hashstick);
  hashstick->vlek_wrapped[0] = static_cast<std::uint8_t>(hashstick->vlek_wrapped[0] ^ 1U);
  const auto plan = plan_vlek_load(platform_.processor(), *hashstick, "B");
  const auto report = update_.run(plan, 1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->command_error);
  ASSERT_TRUE(report->after);
  EXPECT_TRUE(report->after->vlek_loaded) << "A's is still there";
  ASSERT_TRUE(report->no_certificates);
  EXPECT_TRUE(lease::is_empty_table(*platform_.served()));
  // The service has the name of the one that is loaded.
  platform_.processor().set_vlek_provider("A");
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, NobodyWaitsWhileUnplannedCertificatesAreFetched) {
  ASSERT_TRUE(update_.publish_current(1s));
  std::vector<bool> readable;
  UpdateTransaction watched(writer_, platform_.processor(), [&](const SigningState& state) {
    readable.push_back(platform_.served().has_value());
    return platform_.provider()(state);
  });
  const auto report =
      watched.run(plan_tcb(tcb_old, [&](int) { return platform_.report_tcb(tcb_new); }), 1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(readable, (std::vector<bool>{true, true}));
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, AChangeDuringTheFetchIsFollowed) {
  int asked = 0;
  UpdateTransaction followed(writer_, platform_.processor(), [&](const SigningState& state) {
    if (++asked == 1) {
      EXPECT_TRUE(platform_.report_tcb(tcb_new));
    }
    return platform_.provider()(state);
  });
  const auto report = followed.publish_current(1s);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(asked, 2);
  EXPECT_FALSE(report->no_certificates);
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, AStateThatChangesWithoutEndIsServedAsAnEmptyTable) {
  int asked = 0;
  UpdateTransaction chasing(writer_, platform_.processor(), [&](const SigningState& state) {
    auto table = platform_.provider()(state);
    EXPECT_TRUE(platform_.report_tcb(++asked % 2 == 0 ? tcb_old : tcb_new));
    return table;
  });
  const auto report = chasing.publish_current(1s);
  ASSERT_TRUE(report);
  ASSERT_TRUE(report->no_certificates);
  EXPECT_EQ(report->no_certificates->code, Code::busy);
  EXPECT_LE(asked, 5);
  EXPECT_TRUE(is_empty(platform_.served()));
}

TEST_F(UpdateTransactionTest, WhatAKilledUpdaterLeftIsMendedAtTheNextStart) {
  ASSERT_TRUE(update_.publish_current(1s));
  {
    auto killed = writer_.begin(1s);
    ASSERT_TRUE(killed);
    ASSERT_TRUE(killed->tombstone());
    ASSERT_TRUE(platform_.report_tcb(tcb_new));
  }
  EXPECT_TRUE(is_empty(platform_.served()));
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, AChangeThatNobodyWrappedIsMended) {
  ASSERT_TRUE(update_.publish_current(1s));
  ASSERT_TRUE(platform_.report_tcb(tcb_new));
  EXPECT_FALSE(served_fits());
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, ARestartLeavesATableThatIsRightAlone) {
  ASSERT_TRUE(update_.publish_current(1s));
  const auto state_page = read_file(lease::state_page_path(platform_.blob()));
  ASSERT_TRUE(state_page);
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_EQ(*read_file(lease::state_page_path(platform_.blob())), *state_page)
      << "its generation says that the file was changed";
  EXPECT_TRUE(served_fits());
}

TEST_F(UpdateTransactionTest, ACommandThatThrowsLeavesTheEmptyTable) {
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_ANY_THROW(
      static_cast<void>(update_.run(plan_tcb(tcb_new, [](int) -> Status { throw 1; }), 1s)));
  EXPECT_TRUE(is_empty(platform_.served()));
}

// ---- What was read before the lock is not what is written back. ----

class PlanTest : public UpdateTransactionTest {
 protected:
  PlanTest() { EXPECT_TRUE(update_.publish_current(1s)); }

  // An update that another updater comes before: while the first certificates are fetched.
  [[nodiscard]] Result<UpdateReport> run_behind(const std::function<void()>& another,
                                                const UpdateTransaction::Plan& plan) {
    bool first = true;
    UpdateTransaction waiting(writer_, platform_.processor(), [&](const SigningState& state) {
      late_ = late_ || is_empty(platform_.served());
      auto table = platform_.provider()(state);
      if (std::exchange(first, false)) another();
      return table;
    });
    return waiting.run(plan, 1s);
  }
  [[nodiscard]] Result<UpdateReport> run_behind_tcb_new(const UpdateTransaction::Plan& plan) {
    return run_behind([this] { EXPECT_TRUE(platform_.report_tcb(tcb_new)); }, plan);
  }

  void set_masks(std::uint32_t flags) {
    abi::snp::Config config;
    config.reported_tcb = attestation::encode_tcb(tcb_old);
    config.flags = flags;
    ASSERT_TRUE(platform_.processor().set_config(config));
  }
  [[nodiscard]] PlatformState now() { return read_platform_state(platform_.processor()).value(); }

  firmware::Platform& processor_ = platform_.processor();
  bool late_ = false;  // certificates were fetched while guests had none
};

TEST_F(PlanTest, AConfigWithoutATcbKeepsTheOneThatAnotherUpdaterSetWhileItWaited) {
  const auto report = run_behind_tcb_new(plan_config(processor_, {{}, true, {}}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(now().signing.reported_tcb, attestation::encode_tcb(tcb_new));
  EXPECT_TRUE(now().mask_chip_id);
  EXPECT_EQ(report->before.reported_tcb, attestation::encode_tcb(tcb_new))
      << "the state before is the one under the lock";
  EXPECT_TRUE(served_fits());
}

TEST_F(PlanTest, AConfigKeepsTheMasksThatAnotherUpdaterSetWhileItWaited) {
  const auto report = run_behind([this] { set_masks(abi::snp::config_flags::mask_chip_id); },
                                 plan_config(processor_, {tcb_new, {}, {}}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(now().mask_chip_id);
  EXPECT_EQ(now().signing.reported_tcb, attestation::encode_tcb(tcb_new));
}

TEST_F(PlanTest, AConfigChangesOnlyTheMasksThatAreNamed) {
  namespace flags = abi::snp::config_flags;
  set_masks(flags::mask_chip_id | flags::mask_chip_key);
  ASSERT_TRUE(update_.run(plan_config(processor_, {{}, {}, false}), 1s));
  EXPECT_TRUE(now().mask_chip_id);
  EXPECT_FALSE(now().signing.mask_chip_key);
  ASSERT_TRUE(update_.run(plan_config(processor_, {{}, false, {}}), 1s));
  EXPECT_FALSE(now().mask_chip_id);
  EXPECT_TRUE(served_fits());
}

TEST_F(PlanTest, ACommitIsPlannedForTheTcbThatRunsWhenTheLockIsHeld) {
  auto image = firmware::model::usual_firmware(attestation::Product::milan);
  image.tcb = tcb_new;
  ++image.tcb.microcode;
  const auto report =
      run_behind([&] { EXPECT_TRUE(platform_.processor().download_firmware(image)); },
                 plan_commit(processor_));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(late_) << "certificates were fetched while guests had none";
  EXPECT_TRUE(served_fits());
}

TEST_F(PlanTest, AHashstickThatNoLongerFitsUnderTheLockIsNotLoaded) {
  const auto hashstick = platform_.processor().kds().wrap_vlek("provider", tcb_old);
  ASSERT_TRUE(hashstick);
  const auto report = run_behind_tcb_new(plan_vlek_load(processor_, *hashstick, "provider"));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::invalid_input);
  EXPECT_FALSE(now().signing.vlek_loaded);
}

TEST_F(PlanTest, ACommandThatChangesNothingIsPlannedForTheStateUnderTheLock) {
  EndingSignals signals;
  const auto report = run_behind_tcb_new(plan_program({"true"}, std::nullopt, signals));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(late_) << "certificates were fetched while guests had none";
  EXPECT_TRUE(served_fits());
}

TEST_F(PlanTest, AStateThatIsAnotherOneAtEachAttemptEndsTheUpdateBeforeItsCommand) {
  const auto old_table = platform_.served();
  int asked = 0;
  bool ran = false;
  UpdateTransaction chasing(writer_, platform_.processor(), [&](const SigningState& state) {
    auto table = platform_.provider()(state);
    EXPECT_TRUE(platform_.report_tcb(++asked % 2 == 0 ? tcb_old : tcb_new));
    return table;
  });
  const auto plan = [&ran](const PlatformState& before) -> Result<UpdateTransaction::Change> {
    return UpdateTransaction::Change{before.signing, [&ran](int) -> Status {
                                       ran = true;
                                       return {};
                                     }};
  };
  const auto report = chasing.run(plan, 1s);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Code::busy);
  EXPECT_FALSE(ran);
  EXPECT_EQ(platform_.served(), old_table);
}

// ---- Signals ----

TEST_F(UpdateTransactionTest, NoSignalThatCanBeHeldEndsItBeforeTheTableIsPublished) {
  ASSERT_TRUE(update_.publish_current(1s));
  for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGXCPU}) {
    EXPECT_EQ(lease::test::in_child([&] {
                EndingSignals signals;
                const auto command = [&](int) {
                  ::kill(::getpid(), number);
                  return platform_.report_tcb(tcb_new);
                };
                lease::BlobWriter writer(platform_.blob());
                UpdateTransaction update(writer, platform_.processor(), platform_.provider());
                const auto report = update.run(plan_tcb(tcb_new, command), 1s, &signals);
                return report && !report->no_certificates && served_fits() ? 0 : 1;
              }),
              0)
        << "signal " << number;
    ASSERT_TRUE(update_.publish_current(1s));  // the child's platform was a copy
  }
}

TEST_F(UpdateTransactionTest, WhileItWaitsForTheLockASignalEndsIt) {
  ASSERT_TRUE(update_.publish_current(1s));
  EXPECT_EQ(lease::test::in_child([&] {
              EndingSignals signals;
              lease::BlobWriter writer(platform_.blob());
              UpdateTransaction update(writer, platform_.processor(), [](const SigningState&) {
                ::kill(::getpid(), SIGTERM);
                return Result<Bytes>(fail(Code::io, "not killed"));
              });
              static_cast<void>(update.run(plan_commit(platform_.processor()), 1s, &signals));
              return 0;
            }),
            -1);
  EXPECT_TRUE(served_fits()) << "nothing was changed";
}

}  // namespace
}  // namespace extreq::host
