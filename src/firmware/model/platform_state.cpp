#include "firmware/model/platform_state.hpp"

#include <algorithm>
#include <cstddef>
#include <tuple>

#include "abi/little_endian.hpp"
#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "crypto/hash.hpp"

namespace extreq::firmware::model {
namespace {

namespace snp = abi::snp;
using abi::ByteArray;
using abi::Le32;
using abi::Le64;
using abi::U8;
using attestation::Product;
using attestation::Tcb;

constexpr ByteArray<8> magic{'E', 'X', 'T', 'R', 'E', 'Q', 'F', 'W'};
constexpr std::uint32_t format_version = 1;

struct StateFile {                         // offset
  ByteArray<8> magic{};                    //  0x000
  Le32 format;                             //  0x008
  Le32 size;                               //  0x00C
  U8 product = 0;                          //  0x010
  U8 cpu_family = 0;                       //  0x011
  U8 cpu_model = 0;                        //  0x012
  U8 cpu_stepping = 0;                     //  0x013
  Le32 config_flags;                       //  0x014   as SNP_CONFIG has them
  Le64 created_at;                         //  0x018   seconds since 1970
  Le64 current_tcb;                        //  0x020
  Le64 committed_tcb;                      //  0x028
  Le64 reported_tcb;                       //  0x030
  snp::FirmwareVersion current_version;    //  0x038
  snp::FirmwareVersion committed_version;  //  0x03C
  Le64 platform_info;                      //  0x040
  Le64 mit_vector;                         //  0x048
  U8 report_version = 0;                   //  0x050
  U8 key_request_version = 0;              //  0x051
  U8 vlek_loaded = 0;                      //  0x052
  U8 csp_id_size = 0;                      //  0x053
  ByteArray<4> reserved_054{};             //  0x054
  ByteArray<64> chip_id{};                 //  0x058
  ByteArray<64> chip_secret{};             //  0x098
  ByteArray<48> kds_secret{};              //  0x0D8
  ByteArray<48> vlek_seed{};               //  0x108
  ByteArray<64> csp_id{};                  //  0x138   zero padded
  ByteArray<48> digest{};                  //  0x178   SHA-384 of all before it
};
static_assert(sizeof(StateFile) == platform_state_file_size && alignof(StateFile) == 1);
static_assert(offsetof(StateFile, config_flags) == 0x14 && offsetof(StateFile, created_at) == 0x18);
static_assert(offsetof(StateFile, current_version) == 0x38 &&
              offsetof(StateFile, platform_info) == 0x40 &&
              offsetof(StateFile, report_version) == 0x50);
static_assert(offsetof(StateFile, chip_id) == 0x58 && offsetof(StateFile, chip_secret) == 0x98 &&
              offsetof(StateFile, kds_secret) == 0xD8 && offsetof(StateFile, vlek_seed) == 0x108);
static_assert(offsetof(StateFile, csp_id) == 0x138 && offsetof(StateFile, digest) == 0x178);
static_assert(csp_id_max < sizeof(StateFile::csp_id));

// Numbers of the file, apart from the enumeration, so that its order can change.
struct ProductNumber {
  Product product;
  U8 number;
};
constexpr std::array product_numbers{ProductNumber{Product::milan, 1},
                                     ProductNumber{Product::genoa, 2},
                                     ProductNumber{Product::turin, 3}};

U8 number_of(Product product) {
  const auto* found = std::ranges::find(product_numbers, product, &ProductNumber::product);
  return found == product_numbers.end() ? U8{0} : found->number;
}

Status check_tcb(const char* field, const Tcb& tcb, Product product) {
  if (attestation::layout_of(tcb) == attestation::layout_of(product)) return {};
  return fail(Code::invalid_input, "platform state: the {} TCB is {}, which is not {}'s layout",
              field, attestation::to_text(tcb), attestation::kds_name(product));
}

Status check_at_least(const char* upper_name, const Tcb& upper, const char* lower_name,
                      const Tcb& lower) {
  if (attestation::all_components_at_least(upper, lower)) return {};
  return fail(Code::invalid_input,
              "platform state: the {} TCB ({}) is not at least the {} TCB ({}) in each component",
              upper_name, attestation::to_text(upper), lower_name, attestation::to_text(lower));
}

PlatformState from_file(const StateFile& file, Product product) {
  const auto layout = attestation::layout_of(product);
  PlatformState state;
  state.product = product;
  state.cpu = {file.cpu_family, file.cpu_model, file.cpu_stepping};
  state.chip_id = file.chip_id;
  state.chip_secret = Secret<64>(file.chip_secret);
  state.kds_secret = Secret<48>(file.kds_secret);
  state.created_at = std::chrono::sys_seconds(
      std::chrono::seconds(static_cast<std::int64_t>(file.created_at.get())));
  state.current = {attestation::decode_tcb(file.current_tcb, layout), file.current_version,
                   file.report_version, file.key_request_version, file.mit_vector};
  state.committed_tcb = attestation::decode_tcb(file.committed_tcb, layout);
  state.committed_version = file.committed_version;
  state.reported_tcb = attestation::decode_tcb(file.reported_tcb, layout);
  state.mask_chip_id = (file.config_flags & snp::config_flags::mask_chip_id) != 0;
  state.mask_chip_key = (file.config_flags & snp::config_flags::mask_chip_key) != 0;
  state.platform_info = file.platform_info;
  if (file.vlek_loaded != 0) {
    state.vlek =
        LoadedVlek{VlekSeed(file.vlek_seed),
                   std::string(file.csp_id.begin(), file.csp_id.begin() + file.csp_id_size)};
  }
  return state;
}

}  // namespace

PlatformState PlatformState::clone() const {
  PlatformState copy;
  copy.product = product;
  copy.cpu = cpu;
  copy.chip_id = chip_id;
  copy.chip_secret = chip_secret.clone();
  copy.kds_secret = kds_secret.clone();
  copy.created_at = created_at;
  copy.current = current;
  copy.committed_tcb = committed_tcb;
  copy.committed_version = committed_version;
  copy.reported_tcb = reported_tcb;
  copy.mask_chip_id = mask_chip_id;
  copy.mask_chip_key = mask_chip_key;
  copy.platform_info = platform_info;
  if (vlek) copy.vlek = LoadedVlek{vlek->seed.clone(), vlek->csp_id};
  return copy;
}

Status check(const PlatformState& state) {
  if (number_of(state.product) == 0) {
    return fail(Code::unsupported, "the software model is Milan, Genoa or Turin, not {}",
                attestation::kds_name(state.product));
  }
  EXTREQ_TRY_ASSIGN(const Product product,
                    attestation::product_from_cpuid(state.cpu.family, state.cpu.model));
  if (product != state.product) {
    return fail(Code::invalid_input,
                "platform state: CPUID family {:#x} model {:#x} is a {}, the product is {}",
                state.cpu.family, state.cpu.model, attestation::kds_name(product),
                attestation::kds_name(state.product));
  }
  if (attestation::layout_of(state.product) == attestation::TcbLayout::turin &&
      !all_zero(ByteView(state.chip_id).subspan(snp::chip_id_size_turin))) {
    return fail(
        Code::invalid_input, "platform state: the chip id {} has more than the {} bytes of {}",
        to_hex(state.chip_id), snp::chip_id_size_turin, attestation::kds_name(state.product));
  }
  EXTREQ_TRY(check_tcb("current", state.current.tcb, state.product));
  EXTREQ_TRY(check_tcb("committed", state.committed_tcb, state.product));
  EXTREQ_TRY(check_tcb("reported", state.reported_tcb, state.product));
  EXTREQ_TRY(check_at_least("current", state.current.tcb, "committed", state.committed_tcb));
  EXTREQ_TRY(check_at_least("committed", state.committed_tcb, "reported", state.reported_tcb));
  if (is_older(state.current.version, state.committed_version)) {
    return fail(Code::invalid_input,
                "platform state: the current version {} is older than the committed {}",
                to_text(state.current.version), to_text(state.committed_version));
  }
  const auto report = state.current.report_version;
  if (report != snp::report_version_min && report != snp::report_version_cpuid &&
      report != snp::report_version_mitigation_vectors) {
    return fail(Code::invalid_input, "platform state: report version is {}, 2, 3 or 5 is required",
                report);
  }
  const auto key_request = state.current.key_request_version;
  if (key_request != snp::message_version_1 && key_request != snp::key_req_version_2) {
    return fail(Code::invalid_input,
                "platform state: key request version is {}, 1 or 2 is required", key_request);
  }
  if (state.vlek) EXTREQ_TRY(check_csp_id(state.vlek->csp_id));
  return {};
}

Bytes encode(const PlatformState& state) {
  StateFile file;
  file.magic = magic;
  file.format = format_version;
  file.size = static_cast<std::uint32_t>(sizeof(StateFile));
  file.product = number_of(state.product);
  file.cpu_family = state.cpu.family;
  file.cpu_model = state.cpu.model;
  file.cpu_stepping = state.cpu.stepping;
  file.config_flags = (state.mask_chip_id ? snp::config_flags::mask_chip_id : 0U) |
                      (state.mask_chip_key ? snp::config_flags::mask_chip_key : 0U);
  file.created_at = static_cast<std::uint64_t>(state.created_at.time_since_epoch().count());
  file.current_tcb = attestation::encode_tcb(state.current.tcb);
  file.committed_tcb = attestation::encode_tcb(state.committed_tcb);
  file.reported_tcb = attestation::encode_tcb(state.reported_tcb);
  file.current_version = state.current.version;
  file.committed_version = state.committed_version;
  file.platform_info = state.platform_info;
  file.mit_vector = state.current.mit_vector;
  file.report_version = state.current.report_version;
  file.key_request_version = state.current.key_request_version;
  file.chip_id = state.chip_id;
  std::ranges::copy(state.chip_secret.view(), file.chip_secret.begin());
  std::ranges::copy(state.kds_secret.view(), file.kds_secret.begin());
  if (state.vlek) {
    file.vlek_loaded = 1;
    file.csp_id_size = static_cast<U8>(state.vlek->csp_id.size());
    std::ranges::copy(state.vlek->seed.view(), file.vlek_seed.begin());
    std::ranges::copy(state.vlek->csp_id, file.csp_id.begin());
  }
  Bytes bytes = ByteBuilder(sizeof(StateFile)).object(file).take();
  wipe(file.chip_secret);
  wipe(file.kds_secret);
  wipe(file.vlek_seed);
  const auto digest = crypto::sha384(ByteView(bytes).first(offsetof(StateFile, digest)));
  std::ranges::copy(digest, bytes.begin() + offsetof(StateFile, digest));
  return bytes;
}

Result<PlatformState> decode_platform_state(ByteView bytes) {
  ByteReader reader(bytes);
  auto file = reader.object<StateFile>();
  if (!file || !reader.empty()) {
    return fail(Code::invalid_input, "platform state: {} bytes, {} are required", bytes.size(),
                sizeof(StateFile));
  }
  const auto wiped = [&] {
    wipe(file->chip_secret);
    wipe(file->kds_secret);
    wipe(file->vlek_seed);
  };
  if (file->magic != magic) {
    wiped();
    return fail(Code::invalid_input, "platform state: starts with {}, {} is required",
                to_hex(file->magic), to_hex(magic));
  }
  if (file->format != format_version || file->size != sizeof(StateFile)) {
    wiped();
    return fail(Code::invalid_input, "platform state: format {} of {} bytes, {} of {} is required",
                file->format.get(), file->size.get(), format_version, sizeof(StateFile));
  }
  if (crypto::sha384(bytes.first(offsetof(StateFile, digest))) != file->digest) {
    wiped();
    return fail(Code::invalid_input, "platform state: the bytes do not fit their digest: damaged");
  }
  const auto* number = std::ranges::find(product_numbers, file->product, &ProductNumber::number);
  if (number == product_numbers.end() || file->csp_id_size > csp_id_max) {
    wiped();
    return fail(Code::invalid_input, "platform state: product {}, CSP id of {} bytes: not valid",
                file->product, file->csp_id_size);
  }
  PlatformState state = from_file(*file, number->product);
  wiped();
  EXTREQ_TRY(check(state));
  return state;
}

std::string to_text(const snp::FirmwareVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.build);
}

bool is_older(const snp::FirmwareVersion& a, const snp::FirmwareVersion& b) {
  return std::tie(a.major, a.minor, a.build) < std::tie(b.major, b.minor, b.build);
}

Status check_csp_id(std::string_view csp_id) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (!csp_id.empty() && csp_id.size() <= csp_id_max && std::ranges::all_of(csp_id, printable)) {
    return {};
  }
  return fail(Code::invalid_input, "CSP id of {} bytes: 1 to {} printable characters are required",
              csp_id.size(), csp_id_max);
}

}  // namespace extreq::firmware::model
