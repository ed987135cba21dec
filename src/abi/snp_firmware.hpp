// The SNP firmware's numbers and layouts.
//
// Owner: AMD, document 56860, "SEV Secure Nested Paging Firmware ABI Specification", revision 1.58
// where not said otherwise. Section titles are given rather than table numbers, which move between
// revisions. doc/message.md and doc/report.md explain the formats.
// All integers are little-endian. Definitions only: no behaviour, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"

namespace extreq::abi::snp {

inline constexpr std::size_t page_size = 4096;

// ---------------------------------------------------------------------------------------------
// Status codes (chapter "Status Codes"; Linux include/uapi/linux/psp-sev.h agrees). Firmware may
// answer with values that are not listed here.
enum class CommandStatus : std::uint32_t {
  success = 0x00,
  invalid_platform_state = 0x01,
  invalid_guest_state = 0x02,
  invalid_config = 0x03,
  invalid_length = 0x04,
  already_owned = 0x05,
  invalid_certificate = 0x06,
  policy_failure = 0x07,
  inactive = 0x08,
  invalid_address = 0x09,
  bad_signature = 0x0A,
  bad_measurement = 0x0B,
  asid_owned = 0x0C,
  invalid_asid = 0x0D,
  wbinvd_required = 0x0E,
  df_flush_required = 0x0F,
  invalid_guest = 0x10,
  invalid_command = 0x11,
  active = 0x12,
  hardware_error_platform = 0x13,
  hardware_error_unsafe = 0x14,
  unsupported = 0x15,
  invalid_param = 0x16,
  resource_limit = 0x17,
  secure_data_invalid = 0x18,
  invalid_page_size = 0x19,
  invalid_page_state = 0x1A,
  invalid_mdata_entry = 0x1B,
  invalid_page_owner = 0x1C,
  aead_overflow = 0x1D,
  rb_mode_exited = 0x1F,
  rmp_init_required = 0x20,
  bad_svn = 0x21,
  bad_version = 0x22,
  shutdown_required = 0x23,
  update_failed = 0x24,
  restore_required = 0x25,
  rmp_init_failed = 0x26,
  invalid_key = 0x27,
  // As in Linux 7.3, include/uapi/linux/psp-sev.h (SEV_RET_*); 0x30 on: SEV-TIO.
  shutdown_incomplete = 0x28,
  incorrect_buffer_length = 0x30,
  expand_buffer_length_request = 0x31,
  spdm_request = 0x32,
  spdm_error = 0x33,
  err_in_dev_conn = 0x35,
  invalid_dev_ctx = 0x36,
  invalid_tdi_ctx = 0x37,
  invalid_tdi = 0x38,
  reclaim_required = 0x39,
  in_use = 0x3A,
  invalid_dev_state = 0x3B,
  invalid_tdi_state = 0x3C,
  dev_cert_changed = 0x3D,
  resync_req = 0x3E,
  response_too_large = 0x3F,
};

// ---------------------------------------------------------------------------------------------
// TCB_VERSION (chapter "TCB Version"). The layout follows the product, never the report version.
struct TcbMilan {           // offset   Milan, Genoa
  U8 bootloader = 0;        //      0
  U8 tee = 0;               //      1
  ByteArray<4> reserved{};  //      2
  U8 snp = 0;               //      6
  U8 microcode = 0;         //      7
};
static_assert(sizeof(TcbMilan) == 8);
static_assert(offsetof(TcbMilan, tee) == 1 && offsetof(TcbMilan, snp) == 6 &&
              offsetof(TcbMilan, microcode) == 7);

struct TcbTurin {           // offset   Turin and later
  U8 fmc = 0;               //      0
  U8 bootloader = 0;        //      1
  U8 tee = 0;               //      2
  U8 snp = 0;               //      3
  ByteArray<3> reserved{};  //      4
  U8 microcode = 0;         //      7
};
static_assert(sizeof(TcbTurin) == 8);
static_assert(offsetof(TcbTurin, bootloader) == 1 && offsetof(TcbTurin, tee) == 2 &&
              offsetof(TcbTurin, snp) == 3 && offsetof(TcbTurin, microcode) == 7);

// ---------------------------------------------------------------------------------------------
// Guest policy (chapter "Guest Policy"): bits of a u64.
namespace policy {
inline constexpr std::uint64_t abi_minor_mask = 0xFF;
inline constexpr unsigned abi_major_shift = 8;
inline constexpr std::uint64_t abi_major_mask = 0xFF;
inline constexpr std::uint64_t smt = 1ULL << 16;
inline constexpr std::uint64_t reserved_one = 1ULL << 17;  // must be 1
inline constexpr std::uint64_t migrate_ma = 1ULL << 18;
inline constexpr std::uint64_t debug = 1ULL << 19;
inline constexpr std::uint64_t single_socket = 1ULL << 20;
inline constexpr std::uint64_t cxl_allow = 1ULL << 21;
inline constexpr std::uint64_t mem_aes_256_xts = 1ULL << 22;
inline constexpr std::uint64_t rapl_dis = 1ULL << 23;
inline constexpr std::uint64_t ciphertext_hiding = 1ULL << 24;
inline constexpr std::uint64_t page_swap_disable = 1ULL << 25;
inline constexpr std::uint64_t known_mask = (1ULL << 26) - 1;
}  // namespace policy

// PLATFORM_INFO (chapter "Attestation"): bits of a u64.
namespace platform_info {
inline constexpr std::uint64_t smt_en = 1ULL << 0;
inline constexpr std::uint64_t tsme_en = 1ULL << 1;
inline constexpr std::uint64_t ecc_en = 1ULL << 2;
inline constexpr std::uint64_t rapl_dis = 1ULL << 3;
inline constexpr std::uint64_t ciphertext_hiding_dram_en = 1ULL << 4;
inline constexpr std::uint64_t alias_check_complete = 1ULL << 5;
inline constexpr std::uint64_t tio_en = 1ULL << 7;
}  // namespace platform_info

// Key information of a report at 0x048: bits of a u32.
namespace key_info {
inline constexpr std::uint32_t author_key_en = 1U << 0;
inline constexpr std::uint32_t mask_chip_key = 1U << 1;
inline constexpr unsigned signing_key_shift = 2;
inline constexpr std::uint32_t signing_key_mask = 7;  // after the shift
inline constexpr std::uint32_t signing_key_vcek = 0;
inline constexpr std::uint32_t signing_key_vlek = 1;
inline constexpr std::uint32_t signing_key_none = 7;
}  // namespace key_info

// ---------------------------------------------------------------------------------------------
// ECDSA P-384 with SHA-384 (chapter "Digital Signatures").
inline constexpr std::uint32_t signature_algo_ecdsa_p384_sha384 = 1;
inline constexpr std::uint32_t curve_p384 = 2;
inline constexpr std::size_t ecdsa_component_size = 72;

struct EcdsaSignature {       // offset   integers little-endian, zero padded
  ByteArray<72> r{};          //  0x000
  ByteArray<72> s{};          //  0x048
  ByteArray<368> reserved{};  //  0x090
};
static_assert(sizeof(EcdsaSignature) == 512);
static_assert(offsetof(EcdsaSignature, s) == 0x48 && offsetof(EcdsaSignature, reserved) == 0x90);

struct EcdsaPublicKey {       // offset   ID_KEY and AUTHOR_KEY; their digests cover all of it
  Le32 curve;                 //  0x000
  ByteArray<72> qx{};         //  0x004
  ByteArray<72> qy{};         //  0x04C
  ByteArray<880> reserved{};  //  0x094
};
static_assert(sizeof(EcdsaPublicKey) == 0x404);
static_assert(offsetof(EcdsaPublicKey, qx) == 0x04 && offsetof(EcdsaPublicKey, qy) == 0x4C &&
              offsetof(EcdsaPublicKey, reserved) == 0x94);

// ---------------------------------------------------------------------------------------------
// Attestation report (chapter "Attestation", ATTESTATION_REPORT). Version 2: no CPUID fields;
// from version 3 on CPUID; from version 5 on mitigation vectors. In older versions the bytes of
// absent fields are reserved: absent is not zero.
inline constexpr std::uint32_t report_version_cpuid = 3;
inline constexpr std::uint32_t report_version_mitigation_vectors = 5;
inline constexpr std::uint32_t report_version_min = 2;
inline constexpr std::uint32_t report_version_max = 5;
inline constexpr std::size_t report_signed_size = 0x2A0;

struct FirmwareVersion {  // offset
  U8 build = 0;           //      0
  U8 minor = 0;           //      1
  U8 major = 0;           //      2
  U8 reserved = 0;        //      3
};
static_assert(sizeof(FirmwareVersion) == 4);
static_assert(offsetof(FirmwareVersion, build) == 0 && offsetof(FirmwareVersion, minor) == 1 &&
              offsetof(FirmwareVersion, major) == 2);

struct AttestationReport {            // offset
  Le32 version;                       //  0x000
  Le32 guest_svn;                     //  0x004
  Le64 policy;                        //  0x008
  ByteArray<16> family_id{};          //  0x010
  ByteArray<16> image_id{};           //  0x020
  Le32 vmpl;                          //  0x030
  Le32 signature_algo;                //  0x034
  Le64 current_tcb;                   //  0x038
  Le64 platform_info;                 //  0x040
  Le32 key_info;                      //  0x048
  Le32 reserved_04c;                  //  0x04C
  ByteArray<64> report_data{};        //  0x050
  ByteArray<48> measurement{};        //  0x090
  ByteArray<32> host_data{};          //  0x0C0
  ByteArray<48> id_key_digest{};      //  0x0E0
  ByteArray<48> author_key_digest{};  //  0x110
  ByteArray<32> report_id{};          //  0x140
  ByteArray<32> report_id_ma{};       //  0x160
  Le64 reported_tcb;                  //  0x180
  U8 cpuid_family = 0;                //  0x188   version 3 and later
  U8 cpuid_model = 0;                 //  0x189   version 3 and later
  U8 cpuid_stepping = 0;              //  0x18A   version 3 and later
  ByteArray<21> reserved_18b{};       //  0x18B
  ByteArray<64> chip_id{};            //  0x1A0
  Le64 committed_tcb;                 //  0x1E0
  FirmwareVersion current_version;    //  0x1E8
  FirmwareVersion committed_version;  //  0x1EC
  Le64 launch_tcb;                    //  0x1F0
  Le64 launch_mit_vector;             //  0x1F8   version 5 and later
  Le64 current_mit_vector;            //  0x200   version 5 and later
  ByteArray<152> reserved_208{};      //  0x208
  EcdsaSignature signature;           //  0x2A0
};
static_assert(sizeof(AttestationReport) == 0x4A0);
static_assert(offsetof(AttestationReport, guest_svn) == 0x004);
static_assert(offsetof(AttestationReport, policy) == 0x008);
static_assert(offsetof(AttestationReport, family_id) == 0x010);
static_assert(offsetof(AttestationReport, image_id) == 0x020);
static_assert(offsetof(AttestationReport, vmpl) == 0x030);
static_assert(offsetof(AttestationReport, signature_algo) == 0x034);
static_assert(offsetof(AttestationReport, current_tcb) == 0x038);
static_assert(offsetof(AttestationReport, platform_info) == 0x040);
static_assert(offsetof(AttestationReport, key_info) == 0x048);
static_assert(offsetof(AttestationReport, report_data) == 0x050);
static_assert(offsetof(AttestationReport, measurement) == 0x090);
static_assert(offsetof(AttestationReport, host_data) == 0x0C0);
static_assert(offsetof(AttestationReport, id_key_digest) == 0x0E0);
static_assert(offsetof(AttestationReport, author_key_digest) == 0x110);
static_assert(offsetof(AttestationReport, report_id) == 0x140);
static_assert(offsetof(AttestationReport, report_id_ma) == 0x160);
static_assert(offsetof(AttestationReport, reported_tcb) == 0x180);
static_assert(offsetof(AttestationReport, cpuid_family) == 0x188);
static_assert(offsetof(AttestationReport, cpuid_model) == 0x189);
static_assert(offsetof(AttestationReport, cpuid_stepping) == 0x18A);
static_assert(offsetof(AttestationReport, chip_id) == 0x1A0);
static_assert(offsetof(AttestationReport, committed_tcb) == 0x1E0);
static_assert(offsetof(AttestationReport, current_version) == 0x1E8);
static_assert(offsetof(AttestationReport, committed_version) == 0x1EC);
static_assert(offsetof(AttestationReport, launch_tcb) == 0x1F0);
static_assert(offsetof(AttestationReport, launch_mit_vector) == 0x1F8);
static_assert(offsetof(AttestationReport, current_mit_vector) == 0x200);
static_assert(offsetof(AttestationReport, signature) == report_signed_size);

inline constexpr std::size_t chip_id_size_turin = 8;    // significant bytes, the rest is zero
inline constexpr std::uint32_t vmpl_host = 0xFFFFFFFF;  // VMPL of a report the host asked for
inline constexpr std::uint32_t vmpl_count = 4;

// ---------------------------------------------------------------------------------------------
// Guest messages (chapter "Guest Messages"). A message page is header, then payload. Sealed with
// AES-256-GCM: key VMPCKn; IV = MSG_SEQNO as 8 little-endian bytes, then 4 zero bytes; additional
// data = header bytes 0x30..0x5F; tag = the first 16 bytes of AUTHTAG.
inline constexpr std::size_t vmpck_size = 32;
inline constexpr std::size_t vmpck_count = 4;
inline constexpr std::size_t message_payload_max = 4000;
inline constexpr std::size_t message_aad_offset = 0x30;
inline constexpr std::size_t message_aad_size = 0x30;
inline constexpr std::size_t aead_iv_size = 12;
inline constexpr std::size_t aead_tag_size = 16;
inline constexpr U8 aead_algo_aes_256_gcm = 1;
inline constexpr U8 message_header_version = 1;

struct MessageHeader {          // offset
  ByteArray<32> authtag{};      //  0x00   GCM uses the first 16 bytes, the rest is zero
  Le64 msg_seqno;               //  0x20
  ByteArray<8> reserved_28{};   //  0x28
  U8 algo = 0;                  //  0x30   authenticated from here on
  U8 hdr_version = 0;           //  0x31
  Le16 hdr_size;                //  0x32
  U8 msg_type = 0;              //  0x34
  U8 msg_version = 0;           //  0x35
  Le16 msg_size;                //  0x36   payload bytes
  ByteArray<4> reserved_38{};   //  0x38
  U8 msg_vmpck = 0;             //  0x3C
  ByteArray<35> reserved_3d{};  //  0x3D
};
static_assert(sizeof(MessageHeader) == 0x60);
static_assert(offsetof(MessageHeader, msg_seqno) == 0x20);
static_assert(offsetof(MessageHeader, reserved_28) == 0x28);
static_assert(offsetof(MessageHeader, algo) == message_aad_offset);
static_assert(offsetof(MessageHeader, hdr_version) == 0x31);
static_assert(offsetof(MessageHeader, hdr_size) == 0x32);
static_assert(offsetof(MessageHeader, msg_type) == 0x34);
static_assert(offsetof(MessageHeader, msg_version) == 0x35);
static_assert(offsetof(MessageHeader, msg_size) == 0x36);
static_assert(offsetof(MessageHeader, reserved_38) == 0x38);
static_assert(offsetof(MessageHeader, msg_vmpck) == 0x3C);
static_assert(offsetof(MessageHeader, reserved_3d) == 0x3D);
static_assert(sizeof(MessageHeader) + message_payload_max == page_size);

enum class MessageType : U8 {
  cpuid_req = 1,
  cpuid_rsp = 2,
  key_req = 3,
  key_rsp = 4,
  report_req = 5,
  report_rsp = 6,
  export_req = 7,
  export_rsp = 8,
  import_req = 9,
  import_rsp = 10,
  absorb_req = 11,
  absorb_rsp = 12,
  vmrk_req = 13,
  vmrk_rsp = 14,
  absorb_noma_req = 15,
  absorb_noma_rsp = 16,
  tsc_info_req = 17,
  tsc_info_rsp = 18,
};
inline constexpr U8 message_version_1 = 1;
inline constexpr U8 key_req_version_2 = 2;

// KEY_SEL of MSG_REPORT_REQ: bits 1:0.
inline constexpr std::uint32_t key_sel_mask = 3;
inline constexpr std::uint32_t key_sel_vlek_or_vcek = 0;
inline constexpr std::uint32_t key_sel_vcek = 1;
inline constexpr std::uint32_t key_sel_vlek = 2;

struct ReportRequest {          // offset   MSG_REPORT_REQ
  ByteArray<64> report_data{};  //  0x00
  Le32 vmpl;                    //  0x40
  Le32 key_sel;                 //  0x44
  ByteArray<24> reserved{};     //  0x48
};
static_assert(sizeof(ReportRequest) == 0x60);
static_assert(offsetof(ReportRequest, vmpl) == 0x40 && offsetof(ReportRequest, key_sel) == 0x44 &&
              offsetof(ReportRequest, reserved) == 0x48);

struct ReportResponse {      // offset   MSG_REPORT_RSP
  Le32 status;               //  0x00
  Le32 report_size;          //  0x04
  ByteArray<24> reserved{};  //  0x08
  AttestationReport report;  //  0x20
};
static_assert(sizeof(ReportResponse) == 0x4C0);
static_assert(offsetof(ReportResponse, report_size) == 0x04 &&
              offsetof(ReportResponse, report) == 0x20);

// ROOT_KEY_SELECT of MSG_KEY_REQ: bit 0 chooses the root, bits 2:1 are KEY_SEL (as above).
inline constexpr std::uint32_t root_key_select_vmrk = 1U << 0;
inline constexpr unsigned root_key_select_key_sel_shift = 1;
inline constexpr std::uint32_t root_key_select_known_mask = 7;

// GUEST_FIELD_SELECT of MSG_KEY_REQ: bits of a u64.
namespace guest_field_select {
inline constexpr std::uint64_t guest_policy = 1U << 0;
inline constexpr std::uint64_t image_id = 1U << 1;
inline constexpr std::uint64_t family_id = 1U << 2;
inline constexpr std::uint64_t measurement = 1U << 3;
inline constexpr std::uint64_t guest_svn = 1U << 4;
inline constexpr std::uint64_t tcb_version = 1U << 5;
inline constexpr std::uint64_t launch_mit_vector = 1U << 6;  // version 2 of the message only
inline constexpr std::uint64_t known_mask_v1 = 0x3F;
inline constexpr std::uint64_t known_mask_v2 = 0x7F;
}  // namespace guest_field_select

struct KeyRequest {         // offset   MSG_KEY_REQ, version 1
  Le32 root_key_select;     //  0x00
  Le32 reserved;            //  0x04
  Le64 guest_field_select;  //  0x08
  Le32 vmpl;                //  0x10
  Le32 guest_svn;           //  0x14
  Le64 tcb_version;         //  0x18
};
static_assert(sizeof(KeyRequest) == 0x20);
static_assert(offsetof(KeyRequest, guest_field_select) == 0x08 &&
              offsetof(KeyRequest, vmpl) == 0x10 && offsetof(KeyRequest, guest_svn) == 0x14 &&
              offsetof(KeyRequest, tcb_version) == 0x18);

struct KeyRequestV2 {      // offset   MSG_KEY_REQ, version 2
  KeyRequest v1;           //  0x00
  Le64 launch_mit_vector;  //  0x20
};
static_assert(sizeof(KeyRequestV2) == 0x28);
static_assert(offsetof(KeyRequestV2, launch_mit_vector) == 0x20);

struct KeyResponse {            // offset   MSG_KEY_RSP
  Le32 status;                  //  0x00
  ByteArray<28> reserved{};     //  0x04
  ByteArray<32> derived_key{};  //  0x20
};
static_assert(sizeof(KeyResponse) == 0x40);
static_assert(offsetof(KeyResponse, derived_key) == 0x20);

struct TscInfoRequest {       // offset   MSG_TSC_INFO_REQ
  ByteArray<128> reserved{};  //  0x00
};
static_assert(sizeof(TscInfoRequest) == 128);

struct TscInfoResponse {         // offset   MSG_TSC_INFO_RSP
  Le32 status;                   //  0x00
  Le32 reserved_04;              //  0x04
  Le64 guest_tsc_scale;          //  0x08
  Le64 guest_tsc_offset;         //  0x10
  Le32 tsc_factor;               //  0x18
  ByteArray<100> reserved_1c{};  //  0x1C
};
static_assert(sizeof(TscInfoResponse) == 128);
static_assert(offsetof(TscInfoResponse, guest_tsc_scale) == 0x08 &&
              offsetof(TscInfoResponse, guest_tsc_offset) == 0x10 &&
              offsetof(TscInfoResponse, tsc_factor) == 0x18);

// One CPUID function of MSG_CPUID_REQ, MSG_CPUID_RSP and of the CPUID page (chapter "CPUID
// Reporting").
inline constexpr std::size_t cpuid_function_max = 64;
struct CpuidFunction {  // offset
  Le32 eax_in;          //  0x00
  Le32 ecx_in;          //  0x04
  Le64 xcr0_in;         //  0x08
  Le64 xss_in;          //  0x10
  Le32 eax;             //  0x18
  Le32 ebx;             //  0x1C
  Le32 ecx;             //  0x20
  Le32 edx;             //  0x24
  Le64 reserved;        //  0x28
};
static_assert(sizeof(CpuidFunction) == 0x30);
static_assert(offsetof(CpuidFunction, xcr0_in) == 0x08 && offsetof(CpuidFunction, xss_in) == 0x10 &&
              offsetof(CpuidFunction, eax) == 0x18 && offsetof(CpuidFunction, reserved) == 0x28);

struct CpuidRequestHead {    // offset   MSG_CPUID_REQ and CPUID page; then COUNT functions
  Le32 count;                //  0x00
  ByteArray<12> reserved{};  //  0x04
};
struct CpuidResponseHead {  // offset   MSG_CPUID_RSP; then COUNT functions
  Le32 status;              //  0x00
  Le32 count;               //  0x04
  Le64 reserved;            //  0x08
};
static_assert(sizeof(CpuidRequestHead) == 0x10 && sizeof(CpuidResponseHead) == 0x10);
static_assert(offsetof(CpuidResponseHead, count) == 0x04);

// ---------------------------------------------------------------------------------------------
// Secrets page (chapter "Secrets Page"). The OS area at 0xA0 belongs to the guest's system; Linux's
// use of it: arch/x86/include/asm/sev.h, struct secrets_os_area.
inline constexpr std::uint32_t secrets_page_version = 3;
inline constexpr std::uint32_t secrets_imi_en = 1U << 0;

struct SecretsPage {                            // offset
  Le32 version;                                 //  0x000
  Le32 flags;                                   //  0x004
  Le32 fms;                                     //  0x008
  Le32 reserved_00c;                            //  0x00C
  ByteArray<16> gosvw{};                        //  0x010
  ByteArray<vmpck_size> vmpck0{};               //  0x020
  ByteArray<vmpck_size> vmpck1{};               //  0x040
  ByteArray<vmpck_size> vmpck2{};               //  0x060
  ByteArray<vmpck_size> vmpck3{};               //  0x080
  ByteArray<96> os_area{};                      //  0x0A0
  ByteArray<64> vmsa_tweak_bitmap{};            //  0x100
  Le64 svsm_base;                               //  0x140
  Le64 svsm_size;                               //  0x148
  Le64 svsm_caa;                                //  0x150
  Le32 svsm_max_version;                        //  0x158
  U8 svsm_guest_vmpl = 0;                       //  0x15C
  ByteArray<3> reserved_15d{};                  //  0x15D
  Le32 tsc_factor;                              //  0x160
  ByteArray<page_size - 0x164> reserved_164{};  //  0x164
};
static_assert(sizeof(SecretsPage) == page_size);
static_assert(offsetof(SecretsPage, gosvw) == 0x10 && offsetof(SecretsPage, vmpck0) == 0x20 &&
              offsetof(SecretsPage, vmpck1) == 0x40 && offsetof(SecretsPage, vmpck2) == 0x60 &&
              offsetof(SecretsPage, vmpck3) == 0x80 && offsetof(SecretsPage, os_area) == 0xA0 &&
              offsetof(SecretsPage, vmsa_tweak_bitmap) == 0x100 &&
              offsetof(SecretsPage, svsm_base) == 0x140 &&
              offsetof(SecretsPage, svsm_size) == 0x148 &&
              offsetof(SecretsPage, svsm_caa) == 0x150 &&
              offsetof(SecretsPage, svsm_max_version) == 0x158 &&
              offsetof(SecretsPage, svsm_guest_vmpl) == 0x15C &&
              offsetof(SecretsPage, tsc_factor) == 0x160);

// ---------------------------------------------------------------------------------------------
// Launch (chapters "SNP_LAUNCH_UPDATE", "SNP_LAUNCH_FINISH").
enum class PageType : U8 {
  normal = 1,
  vmsa = 2,
  zero = 3,
  unmeasured = 4,
  secrets = 5,
  cpuid = 6,
};
inline constexpr std::uint64_t vmsa_gpa = 0xFFFFFFFFF000;  // GPA measured for a VMSA page

struct PageInfo {              // offset   hashed with SHA-384 for each page, in order
  ByteArray<48> digest_cur{};  //  0x00
  ByteArray<48> contents{};    //  0x30
  Le16 length;                 //  0x60
  U8 page_type = 0;            //  0x62
  U8 imi_page = 0;             //  0x63
  U8 vmpl3_perms = 0;          //  0x64
  U8 vmpl2_perms = 0;          //  0x65
  U8 vmpl1_perms = 0;          //  0x66
  U8 reserved = 0;             //  0x67
  Le64 gpa;                    //  0x68
};
static_assert(sizeof(PageInfo) == 0x70);
static_assert(offsetof(PageInfo, contents) == 0x30 && offsetof(PageInfo, length) == 0x60 &&
              offsetof(PageInfo, page_type) == 0x62 && offsetof(PageInfo, imi_page) == 0x63 &&
              offsetof(PageInfo, vmpl3_perms) == 0x64 && offsetof(PageInfo, vmpl1_perms) == 0x66 &&
              offsetof(PageInfo, gpa) == 0x68);

inline constexpr std::uint32_t id_block_version = 1;
struct IdBlock {                  // offset
  ByteArray<48> launch_digest{};  //  0x00
  ByteArray<16> family_id{};      //  0x30
  ByteArray<16> image_id{};       //  0x40
  Le32 version;                   //  0x50
  Le32 guest_svn;                 //  0x54
  Le64 policy;                    //  0x58
};
static_assert(sizeof(IdBlock) == 0x60);
static_assert(offsetof(IdBlock, family_id) == 0x30 && offsetof(IdBlock, image_id) == 0x40 &&
              offsetof(IdBlock, version) == 0x50 && offsetof(IdBlock, guest_svn) == 0x54 &&
              offsetof(IdBlock, policy) == 0x58);

struct IdAuth {                                 // offset   ID authentication information
  Le32 id_key_algo;                             //  0x000
  Le32 auth_key_algo;                           //  0x004
  ByteArray<56> reserved_008{};                 //  0x008
  EcdsaSignature id_block_signature;            //  0x040
  EcdsaPublicKey id_key;                        //  0x240
  ByteArray<60> reserved_644{};                 //  0x644
  EcdsaSignature id_key_signature;              //  0x680
  EcdsaPublicKey author_key;                    //  0x880
  ByteArray<page_size - 0xC84> reserved_c84{};  //  0xC84
};
static_assert(sizeof(IdAuth) == page_size);
static_assert(offsetof(IdAuth, id_block_signature) == 0x40 && offsetof(IdAuth, id_key) == 0x240 &&
              offsetof(IdAuth, id_key_signature) == 0x680 &&
              offsetof(IdAuth, author_key) == 0x880 && offsetof(IdAuth, reserved_c84) == 0xC84);

// ---------------------------------------------------------------------------------------------
// Platform commands.
namespace platform_status_byte3 {
inline constexpr U8 rmp_initialised = 1U << 0;
inline constexpr U8 alias_check_complete = 1U << 1;
inline constexpr U8 tio_en = 1U << 3;
}  // namespace platform_status_byte3

namespace platform_status_flags {
inline constexpr std::uint32_t mask_chip_id = 1U << 0;
inline constexpr std::uint32_t mask_chip_key = 1U << 1;
inline constexpr std::uint32_t vlek_en = 1U << 2;
inline constexpr std::uint32_t feature_info = 1U << 3;
inline constexpr std::uint32_t rapl_dis = 1U << 4;
inline constexpr std::uint32_t ciphertext_hiding_cap = 1U << 5;
inline constexpr std::uint32_t ciphertext_hiding_en = 1U << 6;
inline constexpr std::uint32_t tio_cap = 1U << 7;
}  // namespace platform_status_flags

struct PlatformStatus {  // offset   SNP_PLATFORM_STATUS
  U8 api_major = 0;      //  0x00
  U8 api_minor = 0;      //  0x01
  U8 state = 0;          //  0x02
  U8 byte3 = 0;          //  0x03
  Le32 build_id;         //  0x04
  Le32 flags;            //  0x08
  Le32 guest_count;      //  0x0C
  Le64 current_tcb;      //  0x10
  Le64 reported_tcb;     //  0x18
};
static_assert(sizeof(PlatformStatus) == 32);
static_assert(offsetof(PlatformStatus, byte3) == 0x03 && offsetof(PlatformStatus, build_id) == 4 &&
              offsetof(PlatformStatus, flags) == 8 && offsetof(PlatformStatus, guest_count) == 12 &&
              offsetof(PlatformStatus, current_tcb) == 0x10 &&
              offsetof(PlatformStatus, reported_tcb) == 0x18);

namespace config_flags {
inline constexpr std::uint32_t mask_chip_id = 1U << 0;
inline constexpr std::uint32_t mask_chip_key = 1U << 1;
inline constexpr std::uint32_t known_mask = 3;
}  // namespace config_flags

struct Config {              // offset   SNP_CONFIG
  Le64 reported_tcb;         //  0x00   0 = the committed TCB
  Le32 flags;                //  0x08
  ByteArray<52> reserved{};  //  0x0C
};
static_assert(sizeof(Config) == 64);
static_assert(offsetof(Config, flags) == 0x08 && offsetof(Config, reserved) == 0x0C);

struct WrappedVlek {              // offset   hashstick for SNP_VLEK_LOAD
  ByteArray<12> iv{};             //  0x000
  Le32 reserved_00c;              //  0x00C
  ByteArray<384> vlek_wrapped{};  //  0x010
  Le64 tcb_version;               //  0x190
  Le64 reserved_198;              //  0x198
  ByteArray<16> vlek_auth_tag{};  //  0x1A0
};
static_assert(sizeof(WrappedVlek) == 432);
static_assert(offsetof(WrappedVlek, vlek_wrapped) == 0x10 &&
              offsetof(WrappedVlek, tcb_version) == 0x190 &&
              offsetof(WrappedVlek, vlek_auth_tag) == 0x1A0);
inline constexpr U8 wrapped_vlek_version = 0;

}  // namespace extreq::abi::snp
