#include "machine/launch.hpp"

#include <algorithm>
#include <utility>

#include "base/try.hpp"

namespace extreq::machine {
namespace {

namespace snp = abi::snp;

tl::unexpected<Error> refused(const firmware::CommandFailure& failure) {
  const Code code = failure.status ? Code::invalid_input : Code::io;
  return fail(code, "launch: {}", failure.message);
}

}  // namespace

LaunchedGuest::LaunchedGuest(LaunchedGuest&& other) noexcept
    : processor_(std::exchange(other.processor_, nullptr)), handle_(other.handle_) {}

LaunchedGuest::~LaunchedGuest() {
  // Nobody can be told of a failure here; the context ends with the processor at the latest.
  if (processor_ != nullptr) static_cast<void>(processor_->decommission(handle_));
}

Result<LaunchedGuest> launch_guest(firmware::model::SecureProcessor& processor,
                                   const LaunchPlan& plan,
                                   const firmware::model::LaunchStart& start,
                                   const firmware::model::LaunchFinish& finish,
                                   MutableByteView private_memory) {
  const auto handle = processor.create_guest();
  if (!handle) return refused(handle.error());
  LaunchedGuest guest(processor, *handle);
  if (const auto done = processor.launch_start(*handle, start); !done) return refused(done.error());
  EXTREQ_TRY(plan.for_each_page([&](snp::PageType type, std::uint64_t gpa,
                                    LaunchPlan::PageView contents) -> Status {
    const auto page = processor.launch_update(*handle, {type, gpa, contents, {}});
    if (!page) return refused(page.error());
    if (type == snp::PageType::vmsa) return {};
    if (gpa > private_memory.size() || private_memory.size() - gpa < contents.size()) {
      return fail(Code::invalid_input, "launch: page {:#x} is outside memory of {:#x} bytes", gpa,
                  private_memory.size());
    }
    const LaunchPlan::PageView left = *page ? LaunchPlan::PageView(**page) : contents;
    std::copy(left.begin(), left.end(), private_memory.begin() + static_cast<std::ptrdiff_t>(gpa));
    return {};
  }));
  if (const auto done = processor.launch_finish(*handle, finish); !done) {
    return refused(done.error());
  }
  return guest;
}

}  // namespace extreq::machine
