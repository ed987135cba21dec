// What the tests of this folder share: a loud skip where there is no KVM, and a watchdog, because a
// KVM_RUN that never comes back would stop everything behind it.
#pragma once

#include <csignal>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "examples/kvm_vmm/kvm_vm.hpp"

namespace extreq::kvm_vmm::test {

inline constexpr unsigned watchdog_seconds = 60;

// The default action of SIGALRM ends the process, wherever its threads are.
class OnKvm : public ::testing::Test {
 protected:
  void SetUp() override {
    ::alarm(watchdog_seconds);
    auto vm = KvmVm::create(0);
    if (!vm) {
      const std::string why = "SKIPPED: no usable /dev/kvm: " + vm.error().message;
      std::fprintf(stderr, "\n*** %s ***\n", why.c_str());
      GTEST_SKIP() << why;
    }
    vm_ = *std::move(vm);
  }
  void TearDown() override { ::alarm(0); }

  KvmVm vm_;
};

}  // namespace extreq::kvm_vmm::test
