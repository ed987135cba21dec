#include "message/envelope.hpp"

#include "base/byte_reader.hpp"

namespace extreq::message {
namespace {

namespace snp = abi::snp;

Status check(const char* field, std::uint64_t found, std::uint64_t wanted) {
  if (found == wanted) return {};
  return fail(Code::invalid_input, "guest message: {} is {:#x}, {:#x} is required", field, found,
              wanted);
}

Status check_zero(const char* field, ByteView bytes) {
  if (all_zero(bytes)) return {};
  return fail(Code::invalid_input, "guest message: {} is {}, all zero is required", field,
              to_hex(bytes));
}

}  // namespace

Result<Envelope> read_envelope(PageView page) {
  ByteReader reader(page);
  const auto header = *reader.object<snp::MessageHeader>();  // a page always holds a header
  Status status = check("ALGO", header.algo, snp::aead_algo_aes_256_gcm);
  if (status) status = check("HDR_VERSION", header.hdr_version, snp::message_header_version);
  if (status) status = check("HDR_SIZE", header.hdr_size, sizeof(snp::MessageHeader));
  if (status) {
    status = check_zero("AUTHTAG beyond its 16 bytes",
                        ByteView(header.authtag).subspan(snp::aead_tag_size));
  }
  if (status) status = check_zero("reserved field at 0x28", header.reserved_28);
  if (status) status = check_zero("reserved field at 0x38", header.reserved_38);
  if (status) status = check_zero("reserved field at 0x3D", header.reserved_3d);
  if (!status) return tl::unexpected(std::move(status).error());
  if (header.msg_vmpck >= snp::vmpck_count) {
    return fail(Code::invalid_input, "guest message: MSG_VMPCK is {}, 0 to 3 is required",
                header.msg_vmpck);
  }
  if (header.msg_size > snp::message_payload_max) {
    return fail(Code::invalid_input, "guest message: MSG_SIZE is {}, at most {} is allowed",
                header.msg_size.get(), snp::message_payload_max);
  }
  return Envelope{static_cast<snp::MessageType>(header.msg_type), header.msg_version,
                  header.msg_vmpck, header.msg_seqno};
}

}  // namespace extreq::message
