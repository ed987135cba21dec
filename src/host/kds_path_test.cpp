#include "host/kds_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::host {
namespace {

using attestation::Product;
using attestation::Tcb;
using testing::HasSubstr;

constexpr Tcb milan_tcb{std::nullopt, 4, 0, 22, 213};
constexpr Tcb turin_tcb{1, 1, 2, 3, 84};

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(0xA0 + i);
  return bytes;
}

const std::string chip64 =
    "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdce"
    "cf"
    "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf";

std::string url(const KdsRequest& request) {
  const auto path = kds_path(request);
  return path ? kds_url("https://kdsintf.amd.com", *path) : path.error().message;
}

TEST(KdsPath, EveryObjectOfEveryProductHasAmdsUrl) {
  const std::string milan_query = "?blSPL=04&teeSPL=00&snpSPL=22&ucodeSPL=213";
  const std::string turin_query = "?fmcSPL=01&blSPL=01&teeSPL=02&snpSPL=03&ucodeSPL=84";
  const std::string base = "https://kdsintf.amd.com";
  const auto leaf = [&](Product product, KeyKind kind, Bytes holder, const Tcb& tcb) {
    return url({KdsObject::leaf, {product, kind, std::move(holder), tcb}});
  };
  EXPECT_EQ(leaf(Product::milan, KeyKind::vcek, counted(64), milan_tcb),
            base + "/vcek/v1/Milan/" + chip64 + milan_query);
  EXPECT_EQ(leaf(Product::genoa, KeyKind::vcek, counted(64), milan_tcb),
            base + "/vcek/v1/Genoa/" + chip64 + milan_query);
  EXPECT_EQ(leaf(Product::turin, KeyKind::vcek, counted(8), turin_tcb),
            base + "/vcek/v1/Turin/a0a1a2a3a4a5a6a7" + turin_query);
  EXPECT_EQ(leaf(Product::venice, KeyKind::vcek, counted(8), turin_tcb),
            base + "/vcek/v1/Venice/a0a1a2a3a4a5a6a7" + turin_query);
  EXPECT_EQ(leaf(Product::milan, KeyKind::vlek, to_bytes("csp"), milan_tcb),
            base + "/vlek/v1/Milan/cert" + milan_query);
  EXPECT_EQ(leaf(Product::turin, KeyKind::vlek, {}, turin_tcb),
            base + "/vlek/v1/Turin/cert" + turin_query);
  for (const auto product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    const std::string name(attestation::kds_name(product));
    for (const auto kind : {KeyKind::vcek, KeyKind::vlek}) {
      const std::string stem = base + (kind == KeyKind::vcek ? "/vcek/v1/" : "/vlek/v1/") + name;
      EXPECT_EQ(url({KdsObject::cert_chain, {product, kind, {}, {}}}), stem + "/cert_chain");
      EXPECT_EQ(url({KdsObject::crl, {product, kind, {}, {}}}), stem + "/crl");
    }
  }
}

TEST(KdsPath, BergamoAndSienaAreAskedForAsGenoa) {
  for (const int model : {0x11, 0xA0, 0xAA}) {
    const auto product = attestation::product_from_cpuid(0x19, static_cast<std::uint8_t>(model));
    ASSERT_TRUE(product);
    EXPECT_EQ(url({KdsObject::cert_chain, {*product, KeyKind::vcek, {}, {}}}),
              "https://kdsintf.amd.com/vcek/v1/Genoa/cert_chain");
  }
}

TEST(KdsPath, ABaseMayHaveAPathAndEndInSlashes) {
  EXPECT_EQ(kds_url("http://mirror:8080/kds//", "/vcek/v1/Milan/crl"),
            "http://mirror:8080/kds/vcek/v1/Milan/crl");
}

TEST(KdsPath, WhatIsBuiltIsReadBack) {
  const std::vector<KdsRequest> requests{
      {KdsObject::leaf, {Product::milan, KeyKind::vcek, counted(64), milan_tcb}},
      {KdsObject::leaf, {Product::turin, KeyKind::vcek, counted(8), turin_tcb}},
      {KdsObject::leaf, {Product::genoa, KeyKind::vlek, {}, milan_tcb}},
      {KdsObject::cert_chain, {Product::venice, KeyKind::vlek, {}, {}}},
      {KdsObject::crl, {Product::milan, KeyKind::vcek, {}, {}}}};
  for (const auto& request : requests) {
    const auto path = kds_path(request);
    ASSERT_TRUE(path) << path.error().message;
    const auto read = parse_kds_path(*path);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->object, request.object) << *path;
    EXPECT_EQ(read->key, request.key) << *path;
  }
}

TEST(KdsPath, EveryTcbByteMakesAnotherPath) {
  const CertificateKey key{Product::turin, KeyKind::vcek, counted(8), turin_tcb};
  for (const auto& field : attestation::tcb_fields(attestation::TcbLayout::turin)) {
    CertificateKey other = key;
    field.set(other.tcb, static_cast<std::uint8_t>(field.get(key.tcb) + 1));
    EXPECT_NE(kds_path({KdsObject::leaf, other}).value(), kds_path({KdsObject::leaf, key}).value())
        << field.name;
  }
}

TEST(KdsPath, AnotherProductsFormIsRefused) {
  EXPECT_FALSE(
      kds_path({KdsObject::leaf, {Product::turin, KeyKind::vcek, counted(64), turin_tcb}}));
  EXPECT_FALSE(kds_path({KdsObject::leaf, {Product::milan, KeyKind::vcek, counted(8), milan_tcb}}));
  EXPECT_FALSE(
      kds_path({KdsObject::leaf, {Product::milan, KeyKind::vcek, counted(64), turin_tcb}}));
  EXPECT_FALSE(kds_path({KdsObject::leaf, {Product::turin, KeyKind::vcek, counted(8), milan_tcb}}));
}

TEST(KdsPath, ReadingIsStrictAboutParameters) {
  const std::string chip = "/vcek/v1/Milan/" + chip64;
  const struct {
    std::string path;
    Code code;
    const char* why;
  } cases[] = {
      {chip, Code::invalid_input, "blSPL is missing"},
      {chip + "?blSPL=1&teeSPL=0&snpSPL=3", Code::invalid_input, "ucodeSPL is missing"},
      {chip + "?blSPL=1&teeSPL=0&snpSPL=3&ucodSPL=4", Code::invalid_input, "\"ucodSPL\""},
      {chip + "?blspl=1&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "\"blspl\""},
      {chip + "?blSPL=1&blSPL=1&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "twice"},
      {chip + "?fmcSPL=1&blSPL=1&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "\"fmcSPL\""},
      {chip + "?blSPL=256&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "0 to 255"},
      {chip + "?blSPL=&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "0 to 255"},
      {chip + "?blSPL=0x1&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "0 to 255"},
      {chip + "?blSPL=0001&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input, "0 to 255"},
      {"/vcek/v1/Turin/a0a1a2a3a4a5a6a7?blSPL=1&teeSPL=0&snpSPL=3&ucodeSPL=4", Code::invalid_input,
       "fmcSPL is missing"},
      {"/vcek/v1/Turin/" + chip64 + "?fmcSPL=1&blSPL=1&teeSPL=0&snpSPL=3&ucodeSPL=4",
       Code::invalid_input, "64 bytes, Turin's have 8"},
      {"/vcek/v1/Milan/a0a1?blSPL=1", Code::invalid_input, "2 bytes, Milan's have 64"},
      {"/vcek/v1/Milan/crl?x=1", Code::invalid_input, "no parameters"},
      {"/vcek/v1/Bergamo/crl", Code::not_found, "Bergamo"},
      {"/vcek/v1/milan/crl", Code::not_found, "milan"},
      {"/vcek/v2/Milan/crl", Code::not_found, "/vcek/v2/Milan/crl"},
      {"/vlek/v1/Milan/" + chip64, Code::not_found, "no path"},
      {"/vcek/v1/Milan/crl/", Code::not_found, "no path"},
      {"/vcek/v1/Milan/", Code::not_found, "no path"},
      {"vcek/v1/Milan/crl", Code::not_found, "no path"},
      {"", Code::not_found, "no path"}};
  for (const auto& each : cases) {
    const auto read = parse_kds_path(each.path);
    ASSERT_FALSE(read) << each.path;
    EXPECT_EQ(read.error().code, each.code) << each.path;
    EXPECT_THAT(read.error().message, HasSubstr(each.why)) << each.path;
  }
}

TEST(KdsPath, TheExplanationHasEveryPartOfTheKey) {
  const std::string text =
      explain({KdsObject::leaf, {Product::turin, KeyKind::vcek, counted(8), turin_tcb}});
  EXPECT_EQ(
      text,
      "product Turin, VCEK, chip id of 8 bytes a0a1a2a3a4a5a6a7, FMC 1 (fmcSPL), bootloader 1 "
      "(blSPL), TEE 2 (teeSPL), SNP 3 (snpSPL), microcode 84 (ucodeSPL)");
}

}  // namespace
}  // namespace extreq::host
