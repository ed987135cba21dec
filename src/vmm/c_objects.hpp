// What the handles of extreq/vmm.h point to.
//
// Each holds what it needs alive, so users may let go of them in any order. In a forked child they
// are left alone: their destructors would be harmless, but "nothing at all" is easier to trust.
#pragma once

#include <memory>
#include <optional>

#include "extreq/vmm.h"
#include "lease/certificate_source.hpp"
#include "lease/memory_source.hpp"
#include "lease/process_mark.hpp"
#include "vmm/certificate_exit.hpp"

namespace extreq::vmm {

struct SourceState {
  std::unique_ptr<lease::CertificateSource> source;
  lease::MemorySource* memory = nullptr;                 // source, if it is one
  std::optional<lease::MemorySource::Exclusive> update;  // one thread at a time: its owner's
};

struct VmState {
  VmState(std::shared_ptr<SourceState> from, const Policy& policy)
      : source(std::move(from)), exits(*source->source, policy) {}
  std::shared_ptr<SourceState> source;
  CertificateExit exits;
};

}  // namespace extreq::vmm

struct extreq_vmm_source {
  std::shared_ptr<extreq::vmm::SourceState> state;
  extreq::lease::ProcessMark process;
};

struct extreq_vmm {
  std::shared_ptr<extreq::vmm::VmState> state;
  extreq::lease::ProcessMark process;
};

struct extreq_vmm_vcpu {
  std::shared_ptr<extreq::vmm::VmState> vm;
  std::unique_ptr<extreq::vmm::VcpuCertificateExit> exits;
  extreq::lease::ProcessMark process;
};
