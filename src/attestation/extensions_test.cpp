#include "attestation/extensions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/kds.hpp"
#include "attestation/test_evidence.hpp"

namespace extreq::attestation {
namespace {

namespace oid = abi::kds::oid;
using testing::AllOf;
using testing::HasSubstr;

Result<Extensions> read(Product product, const test::Change& change) {
  return read_extensions(
      test::Authority(product).vcek(test::tcb(product), test::chip_id(product), change));
}

std::string error_of(const Result<Extensions>& extensions) {
  return extensions ? "(read)" : extensions.error().message;
}

TEST(Extensions, AreReadFromAVcekOfEachProduct) {
  for (const Product product : {Product::milan, Product::genoa, Product::turin, Product::venice}) {
    const auto extensions = read(product, {});
    ASSERT_TRUE(extensions) << extensions.error().message;
    EXPECT_EQ(extensions->product, product);
    EXPECT_EQ(extensions->product_name, std::string(kds_name(product)) + "-B0");
    EXPECT_EQ(extensions->tcb, test::tcb(product));
    EXPECT_EQ(extensions->hwid, test::chip_id(product));
    EXPECT_EQ(extensions->csp_id, std::nullopt);
  }
}

TEST(Extensions, AreReadFromAVlek) {
  const auto extensions = read_extensions(
      test::Authority(Product::genoa).vlek(test::tcb(Product::genoa), "some provider"));
  ASSERT_TRUE(extensions) << extensions.error().message;
  EXPECT_EQ(extensions->csp_id, "some provider");
  EXPECT_EQ(extensions->hwid, std::nullopt);
}

TEST(Extensions, TheirOrderDoesNotMatter) {
  const auto reversed = read(Product::turin, [](crypto::CertificateContent& content) {
    std::ranges::reverse(content.extensions);
  });
  EXPECT_EQ(reversed.value(), read(Product::turin, {}).value());
}

TEST(Extensions, ReservedOnesAreNotRead) {
  const auto extensions = read(Product::milan, [](crypto::CertificateContent& content) {
    content.extensions.push_back({std::string(oid::spl4), false, Bytes{0xFF}});
  });
  EXPECT_TRUE(extensions) << error_of(extensions);
}

TEST(Extensions, EachComponentOfTheTcbIsNeeded) {
  for (const Product product : {Product::milan, Product::turin}) {
    for (const TcbField& field : tcb_fields(layout_of(product))) {
      const auto missing = read(product, [&](crypto::CertificateContent& content) {
        test::remove_extension(content, field.spl_oid);
      });
      EXPECT_THAT(error_of(missing),
                  AllOf(HasSubstr(std::string(field.kds_parameter)), HasSubstr("is missing")));
    }
  }
}

TEST(Extensions, TheProductNameIsNeededAndMustBeKnown) {
  EXPECT_THAT(error_of(read(Product::milan,
                            [](crypto::CertificateContent& content) {
                              test::remove_extension(content, oid::product_name);
                            })),
              HasSubstr("productName"));
  EXPECT_THAT(error_of(read(Product::milan,
                            [](crypto::CertificateContent& content) {
                              test::extension(content, oid::product_name) = test::ia5("Rome");
                            })),
              HasSubstr("\"Rome\""));
}

TEST(Extensions, AnFmcOnMilanIsRefused) {
  EXPECT_THAT(error_of(read(
                  Product::milan,
                  [](crypto::CertificateContent& content) {
                    content.extensions.push_back({std::string(oid::fmc_spl), false, test::spl(0)});
                  })),
              HasSubstr("fmcSPL"));
}

TEST(Extensions, AHwidOfAnotherProductsSizeIsRefused) {
  EXPECT_THAT(error_of(read(Product::turin,
                            [](crypto::CertificateContent& content) {
                              test::extension(content, oid::hwid) = Bytes(64, 1);
                            })),
              HasSubstr("has 64 bytes, a Turin has 8"));
  EXPECT_THAT(error_of(read(Product::milan,
                            [](crypto::CertificateContent& content) {
                              test::extension(content, oid::hwid) = Bytes(8, 1);
                            })),
              HasSubstr("has 8 bytes, a Milan has 64"));
}

TEST(Extensions, AMalformedValueIsNamedWithItsBytes) {
  EXPECT_THAT(error_of(read(Product::milan,
                            [](crypto::CertificateContent& content) {
                              test::extension(content, oid::snp_spl) = Bytes{0x02, 0x01, 0xD9};
                            })),
              AllOf(HasSubstr("snpSPL"), HasSubstr("0201d9")));
}

TEST(Spl, EveryValueHasExactlyOneEncoding) {
  for (unsigned value = 0; value <= 0xFF; ++value) {
    EXPECT_EQ(parse_spl(test::spl(static_cast<std::uint8_t>(value))), value);
  }
  EXPECT_EQ(parse_spl(Bytes{0x02, 0x02, 0x00, 0xD9}), 0xD9);
  for (const Bytes& wrong : std::vector<Bytes>{{},
                                               {0x02},
                                               {0x02, 0x00},
                                               {0x02, 0x01},
                                               {0x02, 0x01, 0x80},
                                               {0x02, 0x01, 0x05, 0x00},
                                               {0x02, 0x02, 0x00, 0x7F},
                                               {0x02, 0x02, 0x01, 0x00},
                                               {0x02, 0x02, 0x00},
                                               {0x02, 0x03, 0x00, 0x00, 0xD9},
                                               {0x02, 0x81, 0x01, 0x05},
                                               {0x02, 0x80, 0x05, 0x00, 0x00},
                                               {0x0A, 0x01, 0x05},
                                               {0x05}}) {
    EXPECT_FALSE(parse_spl(wrong)) << to_hex(wrong);
  }
}

TEST(Hwid, IsRawOrOneOctetStringOfEightOrSixtyFourBytes) {
  for (const std::size_t size : {8U, 64U}) {
    const Bytes id(size, 0x04);
    EXPECT_EQ(parse_hwid(id), id);
    EXPECT_EQ(parse_hwid(test::octets(id)), id);
    EXPECT_FALSE(parse_hwid(test::octets(test::octets(id))));
  }
  for (std::size_t size = 0; size < 200; ++size) {
    const bool good = size == 8 || size == 64;
    EXPECT_EQ(parse_hwid(Bytes(size, 0xAB)).has_value(), good) << size;
  }
  Bytes long_form = test::octets(Bytes(64, 1));
  long_form[1] = 0x81;
  EXPECT_FALSE(parse_hwid(long_form));
}

TEST(Name, IsAPrintableIa5StringOfShortLength) {
  EXPECT_EQ(parse_name(test::ia5("Milan-B0")), "Milan-B0");
  EXPECT_EQ(parse_name(test::ia5(std::string(127, 'x')))->size(), 127U);
  EXPECT_FALSE(parse_name(test::ia5("")));
  EXPECT_FALSE(parse_name(test::ia5("a\nb")));
  EXPECT_FALSE(parse_name(test::ia5("caf\xC3\xA9")));
  EXPECT_FALSE(parse_name(test::ia5(std::string_view("a\0b", 3))));
  EXPECT_FALSE(parse_name(Bytes{0x0C, 0x01, 'x'}));
  EXPECT_FALSE(parse_name(Bytes{0x16, 0x02, 'x'}));
  EXPECT_FALSE(parse_name(Bytes{0x16, 0x01, 'x', 'y'}));
  EXPECT_FALSE(parse_name(Bytes{0x16, 0x81, 0x01, 'x'}));
}

}  // namespace
}  // namespace extreq::attestation
