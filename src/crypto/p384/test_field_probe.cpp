#include "crypto/p384/test_field_probe.hpp"

#include "crypto/p384/field_ifma.hpp"

namespace extreq::crypto::p384 {
namespace {

ifma::Fe load(const Lanes& lanes) {
  ifma::Fe r;
  for (unsigned i = 0; i < field_limbs; ++i) r.v[i] = _mm512_load_si512(lanes.limbs[i]);
  return r;
}

Lanes store(const ifma::Fe& value) {
  Lanes r;
  for (unsigned i = 0; i < field_limbs; ++i) _mm512_store_si512(r.limbs[i], value.v[i]);
  return r;
}

}  // namespace

Lanes probe_multiply(const Lanes& a, const Lanes& b) {
  return store(ifma::multiply(load(a), load(b)));
}
Lanes probe_square(const Lanes& a) { return store(ifma::square(load(a))); }
Lanes probe_add(const Lanes& a, const Lanes& b) { return store(ifma::add(load(a), load(b))); }
Lanes probe_subtract(const Lanes& a, const Lanes& b, unsigned shift) {
  return store(ifma::subtract(load(a), load(b), shift));
}
Lanes probe_subtract_coordinate(const Lanes& a, const Lanes& b) {
  return store(ifma::subtract_coordinate(load(a), load(b)));
}
Lanes probe_shift_left(const Lanes& a, unsigned shift) {
  return store(ifma::shift_left(load(a), shift));
}
Lanes probe_invert(const Lanes& a) { return store(ifma::invert(load(a))); }
std::uint8_t probe_is_zero(const Lanes& a) { return ifma::is_zero(load(a)); }

}  // namespace extreq::crypto::p384
