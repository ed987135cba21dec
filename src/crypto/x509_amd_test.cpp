// AMD's own certificates, from $EXTREQ_TESTDATA.
#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/test_bytes.hpp"
#include "crypto/test_certificates.hpp"
#include "crypto/x509.hpp"

namespace extreq::crypto {
namespace {

struct Chain {
  const char* file;
  const char* root;
  const char* intermediate;
  const char* pin;  // SHA-256 of the root
};

constexpr const char* milan_pin =
    "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd";
constexpr const char* genoa_pin =
    "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1";
constexpr const char* turin_pin =
    "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a";

class AmdChain : public testing::TestWithParam<Chain> {};

TEST_P(AmdChain, ReadsAndVerifies) {
  const auto file = real_data(GetParam().file);
  ASSERT_TRUE(file) << "EXTREQ_TESTDATA lacks " << GetParam().file;
  const auto chain = Certificate::from_pem_or_der(*file);
  ASSERT_TRUE(chain) << chain.error().message;
  ASSERT_EQ(chain->size(), 2U);
  const auto& intermediate = (*chain)[0];
  const auto& root = (*chain)[1];
  EXPECT_EQ(intermediate.subject_common_name(), GetParam().intermediate);
  EXPECT_EQ(root.subject_common_name(), GetParam().root);
  EXPECT_EQ(to_hex(sha256(root.der())), GetParam().pin);
  EXPECT_TRUE(root.check_signed_by(root));
  EXPECT_TRUE(root.issued_by_name(root));
  EXPECT_TRUE(intermediate.check_signed_by(root));
  EXPECT_TRUE(intermediate.issued_by_name(root));
  EXPECT_FALSE(root.check_signed_by(intermediate));
  EXPECT_FALSE(intermediate.check_signed_by(intermediate));
  for (const auto& certificate : *chain) {
    EXPECT_TRUE(certificate.rsa_4096_key());
    EXPECT_TRUE(certificate.is_ca());
    EXPECT_TRUE(certificate.may_sign_certificates());
  }
  EXPECT_TRUE(root.may_sign_crls());
  EXPECT_FALSE(intermediate.may_sign_crls());
  EXPECT_EQ(root.path_length(), std::nullopt);
  EXPECT_EQ(intermediate.path_length(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Certificate, AmdChain,
    testing::Values(Chain{"roots/milan_vcek_chain.pem", "ARK-Milan", "SEV-Milan", milan_pin},
                    Chain{"roots/milan_vlek_chain.pem", "ARK-Milan", "SEV-VLEK-Milan", milan_pin},
                    Chain{"roots/genoa_vcek_chain.pem", "ARK-Genoa", "SEV-Genoa", genoa_pin},
                    Chain{"roots/genoa_vlek_chain.pem", "ARK-Genoa", "SEV-VLEK-Genoa", genoa_pin},
                    Chain{"roots/turin_vcek_chain.pem", "ARK-Turin", "SEV-Turin", turin_pin},
                    Chain{"roots/turin_vlek_chain.pem", "ARK-Turin", "SEV-VLEK-Turin", turin_pin}));

TEST(AmdVcek, OfMilanReadsAndVerifies) {
  const auto file = real_data("milan/vcek.der");
  const auto roots = real_data("roots/milan_vcek_chain.pem");
  ASSERT_TRUE(file && roots) << "EXTREQ_TESTDATA lacks one of them";
  const auto vcek = Certificate::from_der(*file);
  ASSERT_TRUE(vcek) << vcek.error().message;
  const auto ask = Certificate::from_pem_or_der(*roots).value()[0];
  EXPECT_TRUE(vcek->check_signed_by(ask));
  EXPECT_TRUE(vcek->issued_by_name(ask));
  EXPECT_EQ(vcek->subject(),
            "OU = Engineering, C = US, L = Santa Clara, ST = CA, O = Advanced Micro Devices, "
            "CN = SEV-VCEK");
  EXPECT_EQ(to_hex(vcek->serial()), "00");
  EXPECT_EQ(vcek->not_before(),
            std::chrono::sys_days(std::chrono::year(2022) / 9 / 24) + std::chrono::seconds(3328));
  EXPECT_EQ(vcek->not_after(),
            std::chrono::sys_days(std::chrono::year(2029) / 9 / 24) + std::chrono::seconds(3328));
  ASSERT_TRUE(vcek->ecdsa_p384_key());
  EXPECT_EQ(to_hex(vcek->ecdsa_p384_key()->qx()),
            "48ec9f362eedee5ea1765939d30ac6c056c8219ade71c585d2e21f773cde430f"
            "30b20d6ab817df8e8de1d85cf293a385");
  EXPECT_EQ(vcek->extension("1.3.6.1.4.1.3704.1.2").value(), hex("16084d696c616e2d4230"));
  EXPECT_EQ(vcek->extension("1.3.6.1.4.1.3704.1.3.8").value(), hex("020144"));
  EXPECT_EQ(vcek->extension("1.3.6.1.4.1.3704.1.3.9").value(), std::nullopt);
  EXPECT_EQ(vcek->extension("1.3.6.1.4.1.3704.1.4").value()->size(), 64U);
}

TEST(AmdVcek, OfTurinReadsAndVerifies) {
  const auto file = real_data("turin/vcek.der");
  const auto roots = real_data("roots/turin_vcek_chain.pem");
  ASSERT_TRUE(file && roots) << "EXTREQ_TESTDATA lacks one of them";
  const auto vcek = Certificate::from_der(*file);
  ASSERT_TRUE(vcek) << vcek.error().message;
  const auto ask = Certificate::from_pem_or_der(*roots).value()[0];
  EXPECT_TRUE(vcek->check_signed_by(ask));
  EXPECT_TRUE(vcek->issued_by_name(ask));
  EXPECT_TRUE(vcek->ecdsa_p384_key());
  EXPECT_EQ(vcek->extension("1.3.6.1.4.1.3704.1.4").value()->size(), 8U);
  EXPECT_TRUE(vcek->extension("1.3.6.1.4.1.3704.1.3.9").value());
}

TEST(AmdVcek, EveryFlippedByteIsNoticed) {
  const auto file = real_data("milan/vcek.der");
  const auto roots = real_data("roots/milan_vcek_chain.pem");
  ASSERT_TRUE(file && roots) << "EXTREQ_TESTDATA lacks one of them";
  const auto ask = Certificate::from_pem_or_der(*roots).value()[0];
  Bytes der = *file;
  for (std::size_t i = 0; i < der.size(); ++i) {
    const auto mask = static_cast<std::uint8_t>(1U << i % 8);
    der[i] ^= mask;
    const auto certificate = Certificate::from_der(der);
    if (certificate) {
      EXPECT_FALSE(certificate->check_signed_by(ask)) << i;
    }
    der[i] ^= mask;
  }
}

}  // namespace
}  // namespace extreq::crypto
