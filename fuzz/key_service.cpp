// What a key service says of when to come back, what clients of the model's service and of a mirror
// ask for, and what people write as a TCB: Retry-After, KDS paths, TCB text.
#include "fuzz/input.hpp"
#include "host/kds_path.hpp"
#include "host/retry_after.hpp"
#include "host/tcb_text.hpp"

namespace extreq::fuzz {
namespace {

using attestation::Product;

constexpr std::array products{Product::milan, Product::genoa, Product::turin, Product::venice};

void retry_after(std::string_view text) {
  constexpr std::chrono::seconds longest(900);
  constexpr std::chrono::sys_seconds now(std::chrono::seconds(1'790'000'000));
  const auto wait = host::parse_retry_after(text, now, longest);
  if (!wait) return;
  require(*wait >= std::chrono::seconds(0) && *wait <= longest, "a wait has its bounds");
}

void kds_path(std::string_view text) {
  const auto request = host::parse_kds_path(text);
  if (!request) {
    require(!request.error().message.empty(), "a failure has words");
    require(request.error().code == Code::invalid_input || request.error().code == Code::not_found,
            "its only failures");
    return;
  }
  require(!host::explain(*request).empty(), "a request has words");
  const auto path = host::kds_path(*request);
  require(path.has_value(), "what was read can be written");
  const auto again = host::parse_kds_path(*path);
  require(again && again->object == request->object && again->key == request->key,
          "there is one request for a path");
}

void tcb_text(Product product, std::string_view text) {
  const auto tcb = host::parse_tcb(text, product);
  if (!tcb) {
    require(!tcb.error().message.empty(), "a failure has words");
    return;
  }
  require(attestation::layout_of(*tcb) == attestation::layout_of(product), "the product's layout");
  const auto number = fmt::format("{:#018x}", attestation::encode_tcb(*tcb));
  require(host::parse_tcb(number, product) == *tcb, "a TCB is its number");
}

}  // namespace
}  // namespace extreq::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace extreq;
  fuzz::Input input(data, size);
  const unsigned parser = input.u8() % 3U;
  const auto product = input.one_of(fuzz::products);
  const ByteView rest = input.rest();
  const std::string text(rest.begin(), rest.end());
  if (parser == 0) fuzz::retry_after(text);
  if (parser == 1) fuzz::kds_path(text);
  if (parser == 2) fuzz::tcb_text(product, text);
  return 0;
}
