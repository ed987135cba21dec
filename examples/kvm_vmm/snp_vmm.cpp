#include "examples/kvm_vmm/snp_vmm.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "base/file.hpp"
#include "base/try.hpp"
#include "examples/kvm_vmm/kvm_vm.hpp"
#include "examples/kvm_vmm/snp_abi.hpp"
#include "examples/kvm_vmm/vcpu_loop.hpp"
#include "extreq/vmm.hpp"

namespace extreq::kvm_vmm {
namespace {

namespace kvm = abi::kvm;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t ram_size = 64ULL << 20;
constexpr std::uint64_t four_gib = 1ULL << 32;
constexpr std::uint64_t secrets_gpa = 0x80D000;  // where OVMF looks for it
constexpr std::size_t firmware_limit = 16U << 20;

std::uint64_t address_of(const void* object) noexcept {
  return reinterpret_cast<std::uintptr_t>(object);  // NOLINT: the kernel's convention
}

// Guest memory that exists twice: shared pages in a mapping, private ones in a guest_memfd.
struct Backing {
  std::uint64_t gpa = 0;
  Mapping shared;
  UniqueFd private_pages;
};

class SnpVm {
 public:
  [[nodiscard]] static Result<SnpVm> create() {
    SnpVm vm;
    EXTREQ_TRY_ASSIGN(vm.vm_, KvmVm::create(snp::vm_type));
    vm.sev_ = UniqueFd(::open("/dev/sev", O_RDWR | O_CLOEXEC));
    if (!vm.sev_) return fail_errno("open /dev/sev");
    // 1. KVM_SEV_INIT2: makes it an SNP VM. GHCB version 2 is the first with guest requests.
    snp::Init init{};
    init.ghcb_version = 2;
    EXTREQ_TRY(vm.encrypt_op(kvm::sev_init2, &init, "KVM_SEV_INIT2"));
    // 2. The certificate exit: after INIT2, before the first vCPU.
    if (::extreq_vmm_kvm_enable(vm.vm_.kvm_fd(), vm.vm_.fd(), vm.sev_.get()) != 0) {
      return fail(Code::unsupported, "{}", ::extreq_vmm_error());
    }
    // 3. The guest's page state changes come to us, too.
    EXTREQ_TRY(vm.vm_.enable(kvm::cap_exit_hypercall, 1ULL << kvm::hc_map_gpa_range));
    return vm;
  }

  // 4. guest_memfd, and a slot that names both kinds of memory; private at first.
  [[nodiscard]] Status add_memory(std::uint64_t gpa, std::uint64_t size) {
    Backing backing{.gpa = gpa, .shared = {}, .private_pages = {}};
    EXTREQ_TRY_ASSIGN(backing.shared, Mapping::anonymous(size));
    snp::CreateGuestMemfd memfd{};
    memfd.size = size;
    backing.private_pages = UniqueFd(::ioctl(vm_.fd(), snp::create_guest_memfd, &memfd));
    if (!backing.private_pages) return fail_errno("KVM_CREATE_GUEST_MEMFD");
    snp::MemoryRegion2 region{};
    region.slot = static_cast<std::uint32_t>(memory_.size());
    region.flags = snp::mem_guest_memfd;
    region.guest_phys_addr = gpa;
    region.memory_size = size;
    region.userspace_addr = address_of(backing.shared.bytes().data());
    region.guest_memfd = static_cast<std::uint32_t>(backing.private_pages.get());
    EXTREQ_TRY(
        kvm_call(vm_.fd(), snp::set_user_memory_region2, &region, "KVM_SET_USER_MEMORY_REGION2"));
    regions_.push_back({gpa, backing.shared.bytes().data(), size});
    memory_.push_back(std::move(backing));
    return set_private(gpa, size, true);
  }

  [[nodiscard]] Status set_private(std::uint64_t gpa, std::uint64_t size, bool value) {
    snp::MemoryAttributes attributes{};
    attributes.address = gpa;
    attributes.size = size;
    attributes.attributes = value ? snp::memory_attribute_private : 0;
    return kvm_call(vm_.fd(), snp::set_memory_attributes, &attributes, "KVM_SET_MEMORY_ATTRIBUTES");
  }

  // 6. LAUNCH_START, LAUNCH_UPDATE for each range, LAUNCH_FINISH: after the vCPUs are created,
  // because FINISH measures and encrypts their state.
  // The kernel takes the bytes from page-aligned addresses only.
  [[nodiscard]] Status launch(const Mapping& firmware, std::uint64_t firmware_gpa) {
    snp::LaunchStart start{};
    start.policy = snp::policy_reserved_one | snp::policy_smt;
    EXTREQ_TRY(encrypt_op(kvm::sev_snp_launch_start, &start, "SNP_LAUNCH_START"));
    EXTREQ_TRY(launch_update(firmware_gpa, firmware.bytes(), snp::page_type_normal));
    EXTREQ_TRY_ASSIGN(const Mapping secrets, Mapping::anonymous(page));  // the processor fills it
    EXTREQ_TRY(launch_update(secrets_gpa, secrets.bytes(), snp::page_type_secrets));
    snp::LaunchFinish finish{};
    return encrypt_op(kvm::sev_snp_launch_finish, &finish, "SNP_LAUNCH_FINISH");
  }

  [[nodiscard]] Result<KvmVcpu> create_vcpu() { return vm_.create_vcpu(0); }  // 5.
  [[nodiscard]] extreq_vmm_memory memory() const noexcept {
    return {nullptr, nullptr, regions_.data(), regions_.size()};
  }

  [[nodiscard]] Result<bool> other_exit(kvm_run& run) {
    switch (run.exit_reason) {
      case KVM_EXIT_HYPERCALL:
        return map_gpa_range(run);
      case KVM_EXIT_MEMORY_FAULT:
        return memory_fault(run);
      case KVM_EXIT_SYSTEM_EVENT:
      case KVM_EXIT_SHUTDOWN:
        return false;
      default:
        return fail(Code::unsupported, "nobody serves exit reason {}", run.exit_reason);
    }
  }

 private:
  [[nodiscard]] Status encrypt_op(std::uint32_t id, void* data, const char* name) {
    kvm::SevCmd command{};
    command.id = id;
    command.data = address_of(data);
    command.sev_fd = static_cast<std::uint32_t>(sev_.get());
    auto done = kvm_call(vm_.fd(), kvm::ioctl_memory_encrypt_op, &command, name);
    if (done) return done;
    return fail(done.error().code, "{}, firmware status {:#x}", done.error().message,
                command.error);
  }

  // KVM copies the bytes into private memory. It may do so in parts: it moves the fields on.
  [[nodiscard]] Status launch_update(std::uint64_t gpa, ByteView bytes, std::uint8_t type) {
    snp::LaunchUpdate update{};
    update.gfn_start = gpa / page;
    update.uaddr = address_of(bytes.data());
    update.len = bytes.size();
    update.type = type;
    while (update.len != 0) {
      auto done = encrypt_op(kvm::sev_snp_launch_update, &update, "SNP_LAUNCH_UPDATE");
      if (!done && done.error().code != Code::busy) return done;
    }
    return {};
  }

  [[nodiscard]] bool in_memory(std::uint64_t gpa, std::uint64_t pages) const {
    return std::ranges::any_of(regions_, [&](const extreq_vmm_region& region) {
      return gpa >= region.gpa && gpa - region.gpa < region.size &&
             pages <= (region.size - (gpa - region.gpa)) / page;
    });
  }

  [[nodiscard]] Result<bool> map_gpa_range(kvm_run& run) {
    const std::uint64_t gpa = run.hypercall.args[0];
    const std::uint64_t pages = run.hypercall.args[1];
    const bool to_private = (run.hypercall.args[2] & kvm::map_gpa_range_encrypted) != 0;
    const bool known = run.hypercall.nr == kvm::hc_map_gpa_range && in_memory(gpa, pages);
    run.hypercall.ret = known && set_private(gpa, pages * page, to_private) ? 0 : EINVAL;
    return true;
  }

  // An access to a page that is not of the kind that the guest means: it becomes that.
  [[nodiscard]] Result<bool> memory_fault(kvm_run& run) {
    const auto& fault =
        static_cast<const kvm::Run*>(static_cast<const void*>(&run))->exit.memory_fault;
    const bool to_private = (fault.flags & kvm::memory_exit_flag_private) != 0;
    if (!in_memory(fault.gpa, fault.size / page)) {
      return fail(Code::unsupported, "the guest uses {:#x}, where there is no memory", fault.gpa);
    }
    EXTREQ_TRY(set_private(fault.gpa, fault.size, to_private));
    return true;
  }

  KvmVm vm_;
  UniqueFd sev_;  // open as long as the VM: KVM looks it up by its number at each guest request
  std::vector<Backing> memory_;
  std::vector<extreq_vmm_region> regions_;
};

}  // namespace

Status run_snp(const SnpConfig& config) {
  EXTREQ_TRY_ASSIGN(const Bytes firmware, read_file(config.firmware, firmware_limit));
  if (firmware.empty() || firmware.size() % page != 0) {
    return fail(Code::invalid_input, "{}: {} bytes, no multiple of {}", config.firmware,
                firmware.size(), page);
  }
  EXTREQ_TRY_ASSIGN(SnpVm vm, SnpVm::create());
  const std::uint64_t firmware_gpa = four_gib - firmware.size();
  EXTREQ_TRY(vm.add_memory(0, ram_size));
  EXTREQ_TRY(vm.add_memory(firmware_gpa, firmware.size()));
  EXTREQ_TRY_ASSIGN(KvmVcpu vcpu, vm.create_vcpu());
  EXTREQ_TRY_ASSIGN(const Mapping image, Mapping::anonymous(firmware.size()));
  std::ranges::copy(firmware, image.bytes().begin());
  EXTREQ_TRY(vm.launch(image, firmware_gpa));

  const auto source = vmm_api::Source::blob(config.blob);
  vmm_api::Vm certificates(source);
  auto vcpu_certificates = certificates.create_vcpu(vcpu.fd());
  VcpuLoop loop({.run = [&vcpu] { return vcpu.run(); },
                 .page = vcpu.run_area(),
                 .memory = vm.memory(),
                 .other_exit = [&vm](kvm_run& run) { return vm.other_exit(run); }},
                *vcpu_certificates.get());
  return loop.run();
}

}  // namespace extreq::kvm_vmm
