// One value of a policy file and its place, and readers of the kinds of values that policies have.
// Internal to policy_file.cpp. Lifetime: refers to the document. Threading: one thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/try.hpp"

namespace extreq::attestation {

class PolicyValue {
 public:
  using Json = nlohmann::ordered_json;
  using Reader = std::function<Status(const PolicyValue&)>;

  PolicyValue(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  [[nodiscard]] const Json& json() const { return *json_; }

  [[nodiscard]] tl::unexpected<Error> wrong(std::string_view wanted) const {
    return fail(Code::invalid_input, "{}: {} found, {} wanted", path_.empty() ? "/" : path_,
                shown(*json_), wanted);
  }

  // For messages: ASCII without control characters, the beginning of what is long.
  [[nodiscard]] static std::string shown(const Json& json) {
    std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    constexpr std::size_t most = 60;
    if (text.size() > most) text = text.substr(0, most) + "...";
    return text;
  }

  // Each member by the reader of its key.
  [[nodiscard]] Status object(const std::map<std::string, Reader>& readers) const {
    if (!json_->is_object()) return wrong("an object");
    for (const auto& [key, value] : json_->items()) {
      const auto reader = readers.find(key);
      if (reader == readers.end()) {
        std::string known;
        for (const auto& [name, unused] : readers) known += (known.empty() ? "" : ", ") + name;
        return fail(Code::invalid_input, "{}: the key {} is not known; known are {}",
                    path_.empty() ? "/" : path_, shown(key), known);
      }
      EXTREQ_TRY(reader->second(PolicyValue(value, path_ + "/" + key)));
    }
    return {};
  }

  // Each member, whatever its key.
  [[nodiscard]] Status members(
      const std::function<Status(const std::string& key, const PolicyValue&)>& reader) const {
    if (!json_->is_object() || json_->empty()) return wrong("an object with members");
    for (const auto& [key, value] : json_->items()) {
      EXTREQ_TRY(reader(key, PolicyValue(value, path_ + "/" + key)));
    }
    return {};
  }

  [[nodiscard]] Status array(const Reader& reader) const {
    if (!json_->is_array() || json_->empty()) return wrong("an array that is not empty");
    for (std::size_t i = 0; i < json_->size(); ++i) {
      EXTREQ_TRY(reader(PolicyValue((*json_)[i], path_ + "/" + std::to_string(i))));
    }
    return {};
  }

  [[nodiscard]] Status read(bool& value) const {
    if (!json_->is_boolean()) return wrong("true or false");
    value = json_->get<bool>();
    return {};
  }

  [[nodiscard]] Status text(std::string& value) const {
    if (!json_->is_string() || json_->get_ref<const std::string&>().empty()) {
      return wrong("a text that is not empty");
    }
    value = json_->get<std::string>();
    return {};
  }

  // 0 to `most`.
  template <class Number>
  [[nodiscard]] Status number(Number& value, std::uint64_t most) const {
    if (!json_->is_number_unsigned() || json_->get<std::uint64_t>() > most) {
      return wrong(fmt::format("a number from 0 to {}", most));
    }
    value = static_cast<Number>(json_->get<std::uint64_t>());
    return {};
  }

  template <std::size_t N>
  [[nodiscard]] Status bytes(std::array<std::uint8_t, N>& value) const {
    const auto found = json_->is_string() ? from_hex(json_->get<std::string>())
                                          : fail(Code::invalid_input, "no text");
    if (!found || found->size() != N) return wrong(fmt::format("{} hexadecimal digits", 2 * N));
    std::ranges::copy(*found, value.begin());
    return {};
  }

  // One of the names; `value` becomes the index.
  template <class Names>
  [[nodiscard]] Status one_of(const Names& names, std::size_t& value) const {
    std::string wanted;
    for (std::size_t i = 0; i < std::size(names); ++i) {
      if (json_->is_string() && json_->get_ref<const std::string&>() == names[i]) {
        value = i;
        return {};
      }
      wanted += fmt::format("{}\"{}\"", i == 0 ? "" : " or ", names[i]);
    }
    return wrong(wanted);
  }

 private:
  const Json* json_;
  std::string path_;
};

}  // namespace extreq::attestation
