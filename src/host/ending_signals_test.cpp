#include "host/ending_signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "lease/lease_test_tools.hpp"

namespace extreq::host {
namespace {

using lease::test::in_child;

TEST(EndingSignals, NoneOfThemEndsTheProcessAndEachIsNoted) {
  for (const int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ,
        SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGRTMIN, SIGRTMAX}) {
    EXPECT_EQ(in_child([number] {
                EndingSignals signals;
                if (!signals.hold()) return 1;
                if (::kill(::getpid(), number) != 0) return 2;
                const auto noted = signals.take();
                if (!noted || noted->number != number || noted->from_kernel) return 3;
                return signals.take() || signals.first() != number ? 4 : 0;
              }),
              0)
        << "signal " << number;
  }
}

TEST(EndingSignals, FaultsOfTheProgramItselfAreNotHeld) {
  EXPECT_EQ(in_child([] {
              EndingSignals signals;
              if (!signals.hold()) return 1;
              for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGSYS, SIGCHLD, SIGTSTP}) {
                struct sigaction action {};
                ::sigaction(number, nullptr, &action);
                struct sigaction held {};
                ::sigaction(SIGTERM, nullptr, &held);
                if (action.sa_sigaction == held.sa_sigaction) return number;
              }
              return 0;
            }),
            0);
}

TEST(EndingSignals, WhatWasIgnoredStaysIgnored) {
  EXPECT_EQ(in_child([] {
              ::signal(SIGHUP, SIG_IGN);
              EndingSignals signals;
              if (!signals.hold()) return 1;
              ::kill(::getpid(), SIGHUP);
              return signals.take() ? 2 : 0;
            }),
            0);
}

TEST(EndingSignals, AfterTheReleaseTheyEndItAgain) {
  EXPECT_EQ(in_child([] {
              EndingSignals signals;
              if (!signals.hold()) return 0;
              signals.release();
              ::kill(::getpid(), SIGTERM);
              return 0;
            }),
            -1);
}

TEST(EndingSignals, TheDescriptorIsReadableWhileOneIsLeft) {
  EXPECT_EQ(in_child([] {
              EndingSignals signals;
              if (signals.descriptor() != -1 || !signals.hold()) return 1;
              ::kill(::getpid(), SIGINT);
              struct pollfd event {
                signals.descriptor(), POLLIN, 0
              };
              if (::poll(&event, 1, 0) != 1) return 2;
              if (!signals.take()) return 3;
              return ::poll(&event, 1, 0) == 0 ? 0 : 4;
            }),
            0);
}

}  // namespace
}  // namespace extreq::host
