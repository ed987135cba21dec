// kvm_vmm: the reference VMM on /dev/kvm.
//
//   kvm_vmm [VCPUS [REQUESTS]]       a plain VM, with the hypervisor half and the firmware model
//   kvm_vmm --snp FIRMWARE BLOB      an SNP VM, on a host that has SNP
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "examples/kvm_vmm/plain_vmm.hpp"
#include "examples/kvm_vmm/snp_vmm.hpp"

namespace {

using namespace extreq;

int complain(const Error& error) {
  fmt::print(stderr, "kvm_vmm: {}\n", error.message);
  return 1;
}

int snp(const char* firmware, const char* blob) {
  const auto ran = kvm_vmm::run_snp({.firmware = firmware, .blob = blob});
  return ran ? 0 : complain(ran.error());
}

int plain(unsigned vcpus, std::uint64_t requests) {
  const auto result = kvm_vmm::run_plain({.vcpus = vcpus, .requests = requests, .keys = {}});
  if (!result) return complain(result.error());
  fmt::print(
      "{} requests of {} vCPUs: {} genuine and matching; {} leases, {} rotations of the key\n",
      result->requests, vcpus, result->genuine, result->served, result->rotations);
  if (result->first_problem.empty()) return 0;
  fmt::print(stderr, "kvm_vmm: {}\n", result->first_problem);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--snp") return snp(argv[2], argv[3]);
  const auto number = [&](int at, unsigned long standard) {
    return argc > at ? std::strtoul(argv[at], nullptr, 10) : standard;
  };
  return plain(static_cast<unsigned>(number(1, 2)), number(2, 20));
}
