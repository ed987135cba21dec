// One value of JSON evidence and its place, and readers of the kinds of values that attesters send.
// Unlike a policy's, unknown members are passed over: what counts is signed. Internal to
// evidence_json*.cpp. Lifetime: refers to the document. Threading: one thread.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.hpp"
#include "base/bytes.hpp"
#include "base/try.hpp"

namespace extreq::attestation {

class EvidenceValue {
 public:
  using Json = nlohmann::ordered_json;

  EvidenceValue(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  [[nodiscard]] const Json& json() const { return *json_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] bool has(const std::string& key) const {
    return json_->is_object() && json_->contains(key) && !json_->at(key).is_null();
  }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view wanted) const {
    return fail(Code::invalid_input, "JSON evidence: {}: {} found, {} wanted",
                path_.empty() ? "/" : path_, json_->type_name(), wanted);
  }

  [[nodiscard]] Result<EvidenceValue> member(const std::string& key) const {
    if (!json_->is_object()) return wrong("an object");
    const auto found = json_->find(key);
    if (found == json_->end()) {
      return fail(Code::invalid_input, "JSON evidence: {}/{} is missing", path_, key);
    }
    return EvidenceValue(*found, path_ + "/" + key);
  }

  [[nodiscard]] EvidenceValue element(std::size_t i) const {
    return {json_->at(i), path_ + "/" + std::to_string(i)};
  }

  template <class Number>
  [[nodiscard]] Result<Number> number() const {
    constexpr std::uint64_t most = std::numeric_limits<Number>::max();
    if (!json_->is_number_unsigned() || json_->get<std::uint64_t>() > most) {
      return wrong(fmt::format("a number from 0 to {}", most));
    }
    return static_cast<Number>(json_->get<std::uint64_t>());
  }

  // Bytes as an array of numbers, as Rust's serde writes them, or as base64.
  [[nodiscard]] Result<Bytes> bytes() const {
    if (json_->is_string()) {
      auto decoded = from_base64(json_->get_ref<const std::string&>());
      if (decoded) return decoded;
      return fail(Code::invalid_input, "JSON evidence: {}: {}", path_, decoded.error().message);
    }
    if (!json_->is_array()) return wrong("an array of numbers or base64");
    Bytes bytes;
    bytes.reserve(json_->size());
    for (std::size_t i = 0; i < json_->size(); ++i) {
      EXTREQ_TRY_ASSIGN(const auto byte, element(i).number<std::uint8_t>());
      bytes.push_back(byte);
    }
    return bytes;
  }

  // Members of an object into fields: the first failure stays, and later reads do nothing.
  template <class Number, class Field>
  void read(const std::string& key, Field& field, Status& status) const {
    if (!status) return;
    const auto value = member(key);
    const auto number = value ? value->number<Number>() : tl::unexpected(value.error());
    if (number) {
      field = *number;
    } else {
      status = tl::unexpected(number.error());
    }
  }

  template <std::size_t N>
  void read(const std::string& key, std::array<std::uint8_t, N>& field, Status& status) const {
    if (!status) return;
    const auto value = member(key);
    const auto found = value ? value->bytes() : tl::unexpected(value.error());
    if (!found) {
      status = tl::unexpected(found.error());
    } else if (found->size() != N) {
      status = fail(Code::invalid_input, "JSON evidence: {}: {} bytes found, {} wanted",
                    value->path(), found->size(), N);
    } else {
      std::ranges::copy(*found, field.begin());
    }
  }

 private:
  const Json* json_;
  std::string path_;
};

}  // namespace extreq::attestation
