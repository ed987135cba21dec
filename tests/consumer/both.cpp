// Both libraries in one C++ program: a report comes in, its table goes out to a vCPU.
// both REPORT TABLE ROOT: exit status 0 if the report is genuine and a vCPU could be served.
#include <cstdio>
#include <ctime>
#include <exception>
#include <fstream>
#include <iterator>
#include <vector>

#include "extreq/verify.h"
#include "extreq/vmm.hpp"

namespace {

std::vector<unsigned char> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool genuine(const std::vector<unsigned char>& report, const std::vector<unsigned char>& table,
             const std::vector<unsigned char>& root) {
  extreq_verifier_options options = EXTREQ_VERIFIER_OPTIONS_INIT;
  options.roots = root.data();
  options.roots_size = root.size();
  extreq_verifier* verifier = nullptr;
  if (extreq_verifier_create(&options, &verifier, nullptr) != EXTREQ_OK) return false;
  extreq_request request = EXTREQ_REQUEST_INIT;
  request.report = report.data();
  request.report_size = report.size();
  request.certificate_table = table.data();
  request.certificate_table_size = table.size();
  request.at = std::time(nullptr);
  extreq_result* result = nullptr;
  const bool done = extreq_verify(verifier, &request, &result, nullptr) == EXTREQ_OK;
  const bool good = done && extreq_result_verdict(result) == EXTREQ_GENUINE;
  extreq_result_free(result);
  extreq_verifier_free(verifier);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 1;
  try {
    const auto table = read(argv[2]);
    if (!genuine(read(argv[1]), table, read(argv[3]))) return 2;
    extreq::vmm_api::Vm vm(extreq::vmm_api::Source::memory(table.data(), table.size()));
    const extreq::vmm_api::Vcpu vcpu =
        vm.create_vcpu({sizeof(extreq_vmm_vcpu_config), -1, [](void*) { return 0; }, nullptr});
    return vcpu.answer() == EXTREQ_VMM_NOT_OURS ? 0 : 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 4;
  }
}
