#include "host/kds_path.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/try.hpp"

namespace extreq::host {
namespace {

using attestation::Product;
using attestation::TcbField;

constexpr std::string_view version_segment = "v1";
constexpr std::string_view vlek_leaf_segment = "cert";
constexpr std::string_view cert_chain_segment = "cert_chain";
constexpr std::string_view crl_segment = "crl";

std::string_view kind_segment(KeyKind kind) { return kind == KeyKind::vlek ? "vlek" : "vcek"; }

std::string query_of(const attestation::Tcb& tcb) {
  std::string query;
  for (const TcbField& field : attestation::tcb_fields(attestation::layout_of(tcb))) {
    query +=
        fmt::format("{}{}={:02}", query.empty() ? "" : "&", field.kds_parameter, field.get(tcb));
  }
  return query;
}

// Cuts off what stands before the next `mark`, and the mark.
std::string_view take_until(std::string_view& rest, char mark) {
  const std::string_view first = rest.substr(0, rest.find(mark));
  rest.remove_prefix(std::min(first.size() + 1, rest.size()));
  return first;
}

Result<Product> parse_product(std::string_view name) {
  for (const auto product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    if (name == attestation::kds_name(product)) return product;
  }
  return fail(Code::not_found, "KDS: no product \"{}\"; there are Milan, Genoa, Turin, Venice",
              name);
}

Result<std::uint8_t> parse_spl(std::string_view name, std::string_view value) {
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || value.size() > 3) {
    return fail(Code::invalid_input, "KDS: {}={}: wanted a decimal number from 0 to 255", name,
                value);
  }
  return number;
}

Result<attestation::Tcb> parse_query(std::string_view query, Product product) {
  const auto fields = attestation::tcb_fields(attestation::layout_of(product));
  std::map<std::string_view, std::uint8_t> values;
  while (!query.empty()) {
    std::string_view parameter = take_until(query, '&');
    const std::string_view name = take_until(parameter, '=');
    if (std::ranges::find(fields, name, &TcbField::kds_parameter) == fields.end()) {
      return fail(Code::invalid_input, "KDS: {} has no parameter \"{}\"",
                  attestation::kds_name(product), name);
    }
    EXTREQ_TRY_ASSIGN(const auto value, parse_spl(name, parameter));
    if (!values.emplace(name, value).second) {
      return fail(Code::invalid_input, "KDS: the parameter {} stands there twice", name);
    }
  }
  attestation::Tcb tcb;
  for (const TcbField& field : fields) {
    const auto found = values.find(field.kds_parameter);
    if (found == values.end()) {
      return fail(Code::invalid_input, "KDS: the parameter {} is missing", field.kds_parameter);
    }
    field.set(tcb, found->second);
  }
  return tcb;
}

Result<Bytes> parse_chip_id(std::string_view text, Product product) {
  EXTREQ_TRY_ASSIGN(Bytes chip_id, from_hex(text));
  if (chip_id.size() != chip_id_size(product)) {
    return fail(Code::invalid_input, "KDS: the chip id has {} bytes, {}'s have {}", chip_id.size(),
                attestation::kds_name(product), chip_id_size(product));
  }
  return chip_id;
}

}  // namespace

Result<std::string> kds_path(const KdsRequest& request) {
  const CertificateKey& key = request.key;
  const std::string stem = fmt::format("/{}/{}/{}/", kind_segment(key.kind), version_segment,
                                       attestation::kds_name(key.product));
  if (request.object == KdsObject::cert_chain) return stem + std::string(cert_chain_segment);
  if (request.object == KdsObject::crl) return stem + std::string(crl_segment);
  if (attestation::layout_of(key.tcb) != attestation::layout_of(key.product)) {
    return fail(Code::invalid_input, "KDS: TCB {} is not in {}'s layout",
                attestation::to_text(key.tcb), attestation::kds_name(key.product));
  }
  if (key.kind == KeyKind::vlek) {
    return fmt::format("{}{}?{}", stem, vlek_leaf_segment, query_of(key.tcb));
  }
  if (key.holder.size() != chip_id_size(key.product)) {
    return fail(Code::invalid_input, "KDS: the chip id has {} bytes, {}'s have {}",
                key.holder.size(), attestation::kds_name(key.product), chip_id_size(key.product));
  }
  return fmt::format("{}{}?{}", stem, to_hex(key.holder), query_of(key.tcb));
}

Result<KdsRequest> parse_kds_path(std::string_view path) {
  const std::string_view whole = path;
  std::string_view query = path;
  path = take_until(query, '?');
  if (!path.starts_with('/')) return fail(Code::not_found, "KDS: no path \"{}\"", whole);
  path.remove_prefix(1);
  const std::string_view kind = take_until(path, '/');
  const std::string_view version = take_until(path, '/');
  const std::string_view product = take_until(path, '/');
  const std::string_view last = path;
  KdsRequest request;
  if (kind == kind_segment(KeyKind::vlek)) {
    request.key.kind = KeyKind::vlek;
  } else if (kind != kind_segment(KeyKind::vcek)) {
    return fail(Code::not_found, "KDS: no path \"{}\"", whole);
  }
  if (version != version_segment || last.empty() || last.find('/') != std::string_view::npos) {
    return fail(Code::not_found, "KDS: no path \"{}\"", whole);
  }
  EXTREQ_TRY_ASSIGN(request.key.product, parse_product(product));
  if (last == cert_chain_segment || last == crl_segment) {
    request.object = last == crl_segment ? KdsObject::crl : KdsObject::cert_chain;
    if (whole.find('?') == std::string_view::npos) return request;
    return fail(Code::invalid_input, "KDS: {} has no parameters, found \"{}\"", last, query);
  }
  if (request.key.kind == KeyKind::vcek) {
    EXTREQ_TRY_ASSIGN(request.key.holder, parse_chip_id(last, request.key.product));
  } else if (last != vlek_leaf_segment) {
    return fail(Code::not_found, "KDS: no path \"{}\"", whole);
  }
  EXTREQ_TRY_ASSIGN(request.key.tcb, parse_query(query, request.key.product));
  return request;
}

std::string kds_url(std::string_view base_url, std::string_view path) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  return fmt::format("{}{}", base_url, path);
}

std::string explain(const KdsRequest& request) {
  const CertificateKey& key = request.key;
  std::string text =
      fmt::format("product {}, {}", attestation::kds_name(key.product), to_text(key.kind));
  if (request.object == KdsObject::crl) return text + " CRL";
  if (request.object == KdsObject::cert_chain) return text + " certificate chain";
  if (key.kind == KeyKind::vcek) {
    text += fmt::format(", chip id of {} bytes {}", key.holder.size(), to_hex(key.holder));
  }
  for (const TcbField& field : attestation::tcb_fields(attestation::layout_of(key.tcb))) {
    text += fmt::format(", {} {} ({})", field.name, field.get(key.tcb), field.kds_parameter);
  }
  return text;
}

}  // namespace extreq::host
