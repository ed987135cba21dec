// The report that Azure's paravisor (HCL) keeps in the vTPM's NV index 0x01400001: a header, the
// hardware's report, and runtime data that the report's REPORT_DATA binds (Azure documentation,
// "Guest attestation for confidential virtual machines: design", attestation report format).
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/little_endian.hpp"
#include "abi/snp_firmware.hpp"

namespace extreq::abi::hcl {

inline constexpr std::uint32_t signature = 0x414C4348;  // "HCLA"

inline constexpr std::uint32_t report_type_snp = 2;
inline constexpr std::uint32_t report_type_tdx = 4;
inline constexpr std::uint32_t hash_type_sha256 = 1;

struct Header {              // offset
  Le32 signature;            //  0x00
  Le32 version;              //  0x04
  Le32 report_size;          //  0x08
  Le32 request_type;         //  0x0C
  Le32 status;               //  0x10
  ByteArray<12> reserved{};  //  0x14
};
static_assert(sizeof(Header) == 0x20);
static_assert(offsetof(Header, status) == 0x10 && offsetof(Header, reserved) == 0x14);

struct RuntimeDataHeader {  // offset   the data follow
  Le32 data_size;           //  0x00   of this header and the data
  Le32 version;             //  0x04
  Le32 report_type;         //  0x08
  Le32 hash_type;           //  0x0C   the digest of the data that begins REPORT_DATA
  Le32 variable_data_size;  //  0x10   of the data
};
static_assert(sizeof(RuntimeDataHeader) == 0x14);
static_assert(offsetof(RuntimeDataHeader, report_type) == 0x08 &&
              offsetof(RuntimeDataHeader, hash_type) == 0x0C &&
              offsetof(RuntimeDataHeader, variable_data_size) == 0x10);

struct SnpContainer {                // offset   then the runtime data, then what fills the index
  Header header;                     //  0x000
  snp::AttestationReport report;     //  0x020
  RuntimeDataHeader runtime_header;  //  0x4C0
};
static_assert(sizeof(SnpContainer) == 0x4D4);
static_assert(offsetof(SnpContainer, report) == 0x20 &&
              offsetof(SnpContainer, runtime_header) == 0x4C0);

}  // namespace extreq::abi::hcl
