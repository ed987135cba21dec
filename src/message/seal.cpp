#include "message/seal.hpp"

#include <algorithm>

#include "base/byte_builder.hpp"
#include "base/byte_reader.hpp"
#include "base/try.hpp"
#include "crypto/aes_gcm.hpp"

namespace extreq::message {
namespace {

namespace snp = abi::snp;

using Iv = std::array<std::uint8_t, snp::aead_iv_size>;

Iv iv_of(std::uint64_t seqno) {
  Iv iv{};
  for (std::size_t i = 0; i < sizeof(seqno); ++i) {
    iv[i] = static_cast<std::uint8_t>(seqno >> (8 * i));
  }
  return iv;
}

}  // namespace

Status seal(const Vmpck& key, const Envelope& envelope, ByteView payload, MutablePageView page) {
  std::fill(page.begin(), page.end(), std::uint8_t{0});
  if (payload.size() > snp::message_payload_max) {
    return fail(Code::invalid_input, "guest message: payload has {} bytes, at most {} fit",
                payload.size(), snp::message_payload_max);
  }
  if (envelope.vmpck >= snp::vmpck_count) {
    return fail(Code::invalid_input, "guest message: key number {} is not 0 to 3", envelope.vmpck);
  }
  if (envelope.seqno == 0) {
    return fail(Code::invalid_input, "guest message: sequence number 0 is never used");
  }
  snp::MessageHeader header;
  header.msg_seqno = envelope.seqno;
  header.algo = snp::aead_algo_aes_256_gcm;
  header.hdr_version = snp::message_header_version;
  header.hdr_size = sizeof(snp::MessageHeader);
  header.msg_type = static_cast<std::uint8_t>(envelope.type);
  header.msg_version = envelope.version;
  header.msg_size = static_cast<std::uint16_t>(payload.size());
  header.msg_vmpck = envelope.vmpck;

  const Bytes plain_header = ByteBuilder(sizeof(header)).object(header).take();
  std::array<std::uint8_t, snp::aead_tag_size> tag{};
  const MutableByteView ciphertext = page.subspan(sizeof(header), payload.size());
  const auto status = crypto::aes_gcm_seal(
      key.view(), iv_of(envelope.seqno),
      ByteView(plain_header).subspan(snp::message_aad_offset, snp::message_aad_size), payload,
      ciphertext, tag);
  if (!status) {
    std::fill(page.begin(), page.end(), std::uint8_t{0});
    return status;
  }
  std::copy(plain_header.begin(), plain_header.end(), page.begin());
  std::copy(tag.begin(), tag.end(), page.begin());
  return {};
}

Result<Bytes> open(const Vmpck& key, PageView page) {
  EXTREQ_TRY_ASSIGN(const Envelope envelope, read_envelope(page));
  ByteReader reader(page);
  const auto header = *reader.object<snp::MessageHeader>();
  const ByteView ciphertext = *reader.view(header.msg_size);  // read_envelope checked the size
  std::array<std::uint8_t, snp::aead_tag_size> tag{};
  std::copy_n(header.authtag.begin(), tag.size(), tag.begin());
  Bytes payload(ciphertext.size());
  EXTREQ_TRY(crypto::aes_gcm_open(key.view(), iv_of(envelope.seqno),
                                  page.subspan(snp::message_aad_offset, snp::message_aad_size),
                                  ciphertext, payload, tag));
  return payload;
}

}  // namespace extreq::message
