#include "fleet/crl_cache.hpp"

#include <ctime>
#include <memory>

#include <openssl/x509.h>

#include "base/try.hpp"

namespace extreq::fleet {

std::optional<std::chrono::sys_seconds> crl_next_update(ByteView der) {
  const unsigned char* at = der.data();
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> crl(
      d2i_X509_CRL(nullptr, &at, static_cast<long>(der.size())), &X509_CRL_free);
  if (crl == nullptr || at != der.data() + der.size()) return std::nullopt;
  const ASN1_TIME* next_update = X509_CRL_get0_nextUpdate(crl.get());
  std::tm parts{};
  if (next_update == nullptr || ASN1_TIME_to_tm(next_update, &parts) != 1) return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(timegm(&parts)));
}

Result<CrlCache::Crl> CrlCache::get(const std::string& name, const Fetch& fetch) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  const Clock::TimePoint now = clock_.now();
  if (found == kept_.end() || now - found->second.asked >= interval_) {
    auto fetched = fetch();
    const auto next_update = fetched ? crl_next_update(*fetched) : std::nullopt;
    if (next_update) {
      kept_[name] = {*std::move(fetched), *next_update, now};
    } else if (found != kept_.end()) {
      found->second.asked = now - interval_ + retry;
    } else if (!fetched) {
      return tl::unexpected(fetched.error());
    } else {
      return fail(Code::invalid_input, "{}: the key service's answer is no CRL", name);
    }
  }
  const Kept& kept = kept_.at(name);
  return Crl{kept.der, kept.next_update < clock_.utc()};
}

}  // namespace extreq::fleet
