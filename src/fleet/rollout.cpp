#include "fleet/rollout.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/try.hpp"
#include "host/tcb_text.hpp"

namespace extreq::fleet {
namespace {

using attestation::Product;

// Each host once, in the order in which they come.
class Hosts {
 public:
  void add(FleetHost host) {
    if (!seen_.emplace(host.product, host.chip_id).second) return;
    hosts_.push_back(std::move(host));
  }
  [[nodiscard]] std::vector<FleetHost> take() { return std::move(hosts_); }

 private:
  std::set<std::pair<Product, Bytes>> seen_;
  std::vector<FleetHost> hosts_;
};

Result<FleetHost> parse_host(const std::string& product, const std::string& chip_id) {
  FleetHost host;
  EXTREQ_TRY_ASSIGN(host.product, attestation::product_from_name(product));
  EXTREQ_TRY_ASSIGN(host.chip_id, host::parse_chip_id(host.product, chip_id));
  return host;
}

}  // namespace

Result<std::vector<FleetHost>> parse_hosts(std::string_view text) {
  Hosts hosts;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string product;
    std::string chip_id;
    std::string more;
    if (!(words >> product)) continue;
    if (!(words >> chip_id) || words >> more) {
      return fail(Code::invalid_input, "line {}: wanted a product and a chip id", number);
    }
    auto host = parse_host(product, chip_id);
    if (!host) return fail(host.error().code, "line {}: {}", number, host.error().message);
    hosts.add(*std::move(host));
  }
  return hosts.take();
}

Result<std::vector<FleetHost>> hosts_of(host::CertificateStore& store, MirrorRecords& records,
                                        std::chrono::sys_seconds since) {
  EXTREQ_TRY_ASSIGN(auto reported, records.hosts(since));
  EXTREQ_TRY_ASSIGN(const auto content, store.content());
  Hosts hosts;
  for (auto& host : reported) hosts.add({host.report.product, std::move(host.report.chip_id)});
  for (const auto& leaf : content.leaves) {
    if (leaf.key.kind == host::KeyKind::vcek) hosts.add({leaf.key.product, leaf.key.holder});
  }
  return hosts.take();
}

Result<TargetTcb> parse_target(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return fail(Code::invalid_input, "\"{}\": wanted PRODUCT:TCB", text);
  }
  TargetTcb target;
  EXTREQ_TRY_ASSIGN(target.product, attestation::product_from_name(text.substr(0, colon)));
  EXTREQ_TRY_ASSIGN(target.tcb,
                    host::parse_tcb(std::string(text.substr(colon + 1)), target.product));
  return target;
}

Result<std::vector<host::CertificateKey>> keys_after(const std::vector<FleetHost>& hosts,
                                                     const std::vector<TargetTcb>& targets) {
  std::vector<host::CertificateKey> keys;
  keys.reserve(hosts.size());
  for (const FleetHost& host : hosts) {
    const auto target = std::ranges::find(targets, host.product, &TargetTcb::product);
    if (target == targets.end()) {
      return fail(Code::invalid_input, "there are hosts of {}, and no TCB for that product",
                  attestation::kds_name(host.product));
    }
    keys.push_back({host.product, host::KeyKind::vcek, host.chip_id, target->tcb});
  }
  return keys;
}

Result<std::vector<host::CertificateKey>> missing_leaves(
    host::CertificateStore& store, const std::vector<host::CertificateKey>& keys,
    std::chrono::sys_seconds now) {
  std::vector<host::CertificateKey> missing;
  for (const auto& key : keys) {
    EXTREQ_TRY_ASSIGN(const auto leaves, store.leaves(key));
    const bool there =
        std::ranges::any_of(leaves, [now](const auto& leaf) { return leaf.not_after() >= now; });
    if (!there) missing.push_back(key);
  }
  return missing;
}

}  // namespace extreq::fleet
