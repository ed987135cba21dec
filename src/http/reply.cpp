#include "http/reply.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace extreq::http {
namespace {

constexpr std::size_t block_size = 4096;

ssize_t first_half(void* body, std::uint64_t position, char* to, std::size_t size) {
  const auto& text = *static_cast<const std::string*>(body);
  const std::size_t half = text.size() / 2;
  if (position >= half) return MHD_CONTENT_READER_END_WITH_ERROR;
  const std::size_t count = std::min(size, half - static_cast<std::size_t>(position));
  std::memcpy(to, text.data() + position, count);
  return static_cast<ssize_t>(count);
}

void discard(void* body) { delete static_cast<std::string*>(body); }  // NOLINT: see below

using Owned = std::unique_ptr<MHD_Response, decltype(&::MHD_destroy_response)>;

Owned make(Response& response) {
  if (!response.truncated) {
    return {::MHD_create_response_from_buffer(response.body.size(), response.body.data(),
                                              MHD_RESPMEM_MUST_COPY),
            &::MHD_destroy_response};
  }
  auto body = std::make_unique<std::string>(std::move(response.body));
  const std::size_t size = body->size();
  Owned made(
      ::MHD_create_response_from_callback(size, block_size, &first_half, body.get(), &discard),
      &::MHD_destroy_response);
  if (made) (void)body.release();  // libmicrohttpd discards it
  return made;
}

}  // namespace

MHD_Result queue_reply(MHD_Connection* connection, Response response) {
  const unsigned status = response.status;
  const Owned made = make(response);
  if (!made) return MHD_NO;
  if (!response.content_type.empty()) {
    response.headers.emplace_back("Content-Type", std::move(response.content_type));
  }
  for (const auto& [name, value] : response.headers) {
    if (::MHD_add_response_header(made.get(), name, value.c_str()) == MHD_NO) return MHD_NO;
  }
  return ::MHD_queue_response(connection, status, made.get());
}

}  // namespace extreq::http
