// What an SNP VM needs of KVM and distributions' headers may not have yet.
//
// Owner: Linux, include/uapi/linux/kvm.h and arch/x86/include/uapi/asm/kvm.h (6.11 and later);
// Documentation/virt/kvm/x86/amd-memory-encryption.rst, Documentation/virt/kvm/api.rst.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/ioctl.hpp"
#include "abi/kvm.hpp"

namespace extreq::kvm_vmm::snp {

inline constexpr unsigned long vm_type = 4;  // KVM_X86_SNP_VM
inline constexpr std::uint32_t mem_guest_memfd = 1U << 2;
inline constexpr std::uint64_t memory_attribute_private = 1ULL << 3;

struct Init {                   // offset   struct kvm_sev_init
  std::uint64_t vmsa_features;  //      0
  std::uint32_t flags;          //      8
  std::uint16_t ghcb_version;   //     12
  std::uint16_t pad1;           //     14
  std::uint32_t pad2[8];        //     16
};
static_assert(sizeof(Init) == 48 && offsetof(Init, ghcb_version) == 12);

struct LaunchStart {       // offset   struct kvm_sev_snp_launch_start
  std::uint64_t policy;    //      0
  std::uint8_t gosvw[16];  //      8
  std::uint16_t flags;     //     24
  std::uint8_t pad0[6];    //     26
  std::uint64_t pad1[4];   //     32
};
static_assert(sizeof(LaunchStart) == 64 && offsetof(LaunchStart, flags) == 24);

inline constexpr std::uint64_t policy_reserved_one = 1ULL << 17;
inline constexpr std::uint64_t policy_smt = 1ULL << 16;

struct LaunchUpdate {       // offset   struct kvm_sev_snp_launch_update
  std::uint64_t gfn_start;  //      0
  std::uint64_t uaddr;      //      8
  std::uint64_t len;        //     16
  std::uint8_t type;        //     24
  std::uint8_t pad0;        //     25
  std::uint16_t flags;      //     26
  std::uint32_t pad1;       //     28
  std::uint64_t pad2[4];    //     32
};
static_assert(sizeof(LaunchUpdate) == 64 && offsetof(LaunchUpdate, type) == 24);

inline constexpr std::uint8_t page_type_normal = 1;
inline constexpr std::uint8_t page_type_secrets = 5;

struct LaunchFinish {            // offset   struct kvm_sev_snp_launch_finish
  std::uint64_t id_block_uaddr;  //      0
  std::uint64_t id_auth_uaddr;   //      8
  std::uint8_t id_block_en;      //     16
  std::uint8_t auth_key_en;      //     17
  std::uint8_t vcek_disabled;    //     18
  std::uint8_t host_data[32];    //     19
  std::uint8_t pad0[3];          //     51
  std::uint16_t flags;           //     54
  std::uint64_t pad1[4];         //     56
};
static_assert(sizeof(LaunchFinish) == 88 && offsetof(LaunchFinish, flags) == 54);

struct MemoryRegion2 {               // offset   struct kvm_userspace_memory_region2
  std::uint32_t slot;                //      0
  std::uint32_t flags;               //      4
  std::uint64_t guest_phys_addr;     //      8
  std::uint64_t memory_size;         //     16
  std::uint64_t userspace_addr;      //     24
  std::uint64_t guest_memfd_offset;  //     32
  std::uint32_t guest_memfd;         //     40
  std::uint32_t pad1;                //     44
  std::uint64_t pad2[14];            //     48
};
static_assert(sizeof(MemoryRegion2) == 160);

struct CreateGuestMemfd {     // offset   struct kvm_create_guest_memfd
  std::uint64_t size;         //      0
  std::uint64_t flags;        //      8
  std::uint64_t reserved[6];  //     16
};
static_assert(sizeof(CreateGuestMemfd) == 64);

struct MemoryAttributes {    // offset   struct kvm_memory_attributes
  std::uint64_t address;     //      0
  std::uint64_t size;        //      8
  std::uint64_t attributes;  //     16
  std::uint64_t flags;       //     24
};
static_assert(sizeof(MemoryAttributes) == 32);

inline constexpr std::uint32_t set_user_memory_region2 =
    abi::ioctl::iow<MemoryRegion2>(abi::kvm::ioctl_type, 0x49);
inline constexpr std::uint32_t set_memory_attributes =
    abi::ioctl::iow<MemoryAttributes>(abi::kvm::ioctl_type, 0xD2);
inline constexpr std::uint32_t create_guest_memfd =
    abi::ioctl::iowr<CreateGuestMemfd>(abi::kvm::ioctl_type, 0xD4);

}  // namespace extreq::kvm_vmm::snp
