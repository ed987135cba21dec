#include "examples/kvm_vmm/kvm_vm.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "base/try.hpp"

namespace extreq::kvm_vmm {
namespace {

Result<MutableByteView> map(int fd, std::size_t size, int flags) {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) return fail_errno("mmap {} bytes", size);
  return MutableByteView(static_cast<std::uint8_t*>(memory), size);
}

}  // namespace

Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

Mapping::Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Result<Mapping> Mapping::anonymous(std::size_t size) {
  Mapping mapping;
  EXTREQ_TRY_ASSIGN(mapping.bytes_, map(-1, size, MAP_PRIVATE | MAP_ANONYMOUS));
  return mapping;
}

Result<Mapping> Mapping::of_file(int fd, std::size_t size) {
  Mapping mapping;
  EXTREQ_TRY_ASSIGN(mapping.bytes_, map(fd, size, MAP_SHARED));
  return mapping;
}

Status kvm_call(int fd, unsigned long request, void* argument, const char* name) {
  if (::ioctl(fd, request, argument) < 0) return fail_errno("{}", name);
  return {};
}

int KvmVcpu::run() noexcept { return ::ioctl(fd_.get(), KVM_RUN, 0) == 0 ? 0 : -errno; }

kvm_run& KvmVcpu::run_area() const noexcept {
  return *static_cast<kvm_run*>(static_cast<void*>(run_.bytes().data()));
}

Status KvmVcpu::start_in_real_mode(std::uint16_t ip, std::uint64_t data_base) {
  kvm_sregs segments{};
  EXTREQ_TRY(kvm_call(fd_.get(), KVM_GET_SREGS, &segments, "KVM_GET_SREGS"));
  segments.cs.base = 0;
  segments.cs.selector = 0;
  segments.ds.base = data_base;
  EXTREQ_TRY(kvm_call(fd_.get(), KVM_SET_SREGS, &segments, "KVM_SET_SREGS"));
  kvm_regs registers{};
  registers.rip = ip;
  registers.rflags = 2;  // the bit that is always one
  return kvm_call(fd_.get(), KVM_SET_REGS, &registers, "KVM_SET_REGS");
}

Result<kvm_regs> KvmVcpu::registers() const {
  kvm_regs registers{};
  EXTREQ_TRY(kvm_call(fd_.get(), KVM_GET_REGS, &registers, "KVM_GET_REGS"));
  return registers;
}

Result<KvmVm> KvmVm::create(unsigned long type) {
  KvmVm vm;
  vm.kvm_ = UniqueFd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!vm.kvm_) return fail_errno("open /dev/kvm");
  const int version = ::ioctl(vm.kvm_.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) {
    return fail(Code::unsupported, "/dev/kvm: API version {}, not {}", version, KVM_API_VERSION);
  }
  vm.vm_ = UniqueFd(::ioctl(vm.kvm_.get(), KVM_CREATE_VM, type));
  if (!vm.vm_) return fail_errno("KVM_CREATE_VM of type {}", type);
  return vm;
}

Status KvmVm::add_memory(std::uint32_t slot, std::uint64_t gpa, MutableByteView bytes) {
  kvm_userspace_memory_region region{
      .slot = slot,
      .flags = 0,
      .guest_phys_addr = gpa,
      .memory_size = bytes.size(),
      .userspace_addr = reinterpret_cast<std::uintptr_t>(bytes.data())};  // NOLINT: KVM's way
  return kvm_call(vm_.get(), KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

Status KvmVm::enable(std::uint32_t capability, std::uint64_t argument) {
  kvm_enable_cap request{};
  request.cap = capability;
  request.args[0] = argument;
  return kvm_call(vm_.get(), KVM_ENABLE_CAP, &request, "KVM_ENABLE_CAP");
}

Status KvmVm::intercept_msr(std::uint32_t msr) {
  EXTREQ_TRY(enable(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
  std::array<std::uint8_t, 8> denied{};  // one MSR, its bit 0: not the kernel's
  kvm_msr_filter filter{};
  filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
  filter.ranges[0].flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
  filter.ranges[0].nmsrs = 1;
  filter.ranges[0].base = msr;
  filter.ranges[0].bitmap = denied.data();
  return kvm_call(vm_.get(), KVM_X86_SET_MSR_FILTER, &filter, "KVM_X86_SET_MSR_FILTER");
}

Result<KvmVcpu> KvmVm::create_vcpu(unsigned number) {
  const int size = ::ioctl(kvm_.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < 0) return fail_errno("KVM_GET_VCPU_MMAP_SIZE");
  KvmVcpu vcpu;
  vcpu.fd_ = UniqueFd(::ioctl(vm_.get(), KVM_CREATE_VCPU, static_cast<unsigned long>(number)));
  if (!vcpu.fd_) return fail_errno("KVM_CREATE_VCPU {}", number);
  EXTREQ_TRY_ASSIGN(vcpu.run_, Mapping::of_file(vcpu.fd_.get(), static_cast<std::size_t>(size)));
  return vcpu;
}

}  // namespace extreq::kvm_vmm
