// Names of AMD's Key Distribution Service and of the certificates that it issues.
//
// Owner: AMD, document 57230, "Versioned Chip Endorsement Key (VCEK) Certificate and KDS Interface
// Specification", revision 0.51 (with the VLEK additions). Definitions only.
#pragma once

#include <string_view>

namespace extreq::abi::kds {

inline constexpr std::string_view default_base_url = "https://kdsintf.amd.com";

// X.509 extensions of VCEK and VLEK certificates (chapter "VCEK Certificate Definition").
namespace oid {
inline constexpr std::string_view struct_version = "1.3.6.1.4.1.3704.1.1";
inline constexpr std::string_view product_name = "1.3.6.1.4.1.3704.1.2";
inline constexpr std::string_view bl_spl = "1.3.6.1.4.1.3704.1.3.1";
inline constexpr std::string_view tee_spl = "1.3.6.1.4.1.3704.1.3.2";
inline constexpr std::string_view snp_spl = "1.3.6.1.4.1.3704.1.3.3";
inline constexpr std::string_view spl4 = "1.3.6.1.4.1.3704.1.3.4";  // reserved, as the next three
inline constexpr std::string_view spl5 = "1.3.6.1.4.1.3704.1.3.5";
inline constexpr std::string_view spl6 = "1.3.6.1.4.1.3704.1.3.6";
inline constexpr std::string_view spl7 = "1.3.6.1.4.1.3704.1.3.7";
inline constexpr std::string_view ucode_spl = "1.3.6.1.4.1.3704.1.3.8";
inline constexpr std::string_view fmc_spl = "1.3.6.1.4.1.3704.1.3.9";  // Turin and later
inline constexpr std::string_view hwid = "1.3.6.1.4.1.3704.1.4";       // VCEK
inline constexpr std::string_view csp_id = "1.3.6.1.4.1.3704.1.5";     // VLEK
}  // namespace oid

// Query parameters of a VCEK request, in AMD's spelling.
inline constexpr std::string_view parameter_fmc_spl = "fmcSPL";
inline constexpr std::string_view parameter_bl_spl = "blSPL";
inline constexpr std::string_view parameter_tee_spl = "teeSPL";
inline constexpr std::string_view parameter_snp_spl = "snpSPL";
inline constexpr std::string_view parameter_ucode_spl = "ucodeSPL";

}  // namespace extreq::abi::kds
