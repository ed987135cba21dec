#include "attestation/strict_json.hpp"

#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/printable.hpp"

namespace extreq::attestation {

Result<nlohmann::ordered_json> parse_strict_json(ByteView bytes, std::string_view what) {
  using Json = nlohmann::ordered_json;
  std::vector<std::set<std::string>> keys;
  std::string complaint;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > json_depth_max) complaint = "it is nested too deep";
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      complaint =
          fmt::format("the key \"{}\" stands there twice", printable(value.get<std::string>()));
    }
    return true;
  };
  Json json = Json::parse(bytes.begin(), bytes.end(), watch, false);
  if (json.is_discarded()) return fail(Code::invalid_input, "{} is no JSON", what);
  if (!complaint.empty()) return fail(Code::invalid_input, "{}: {}", what, complaint);
  return json;
}

}  // namespace extreq::attestation
