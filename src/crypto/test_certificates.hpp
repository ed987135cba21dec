// Certificates for the tests of this folder: a root, an intermediate and a leaf like AMD's, and
// AMD's own where they are at hand.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/certificate_builder.hpp"
#include "crypto/x509.hpp"

namespace extreq::crypto {

// AMD's name with another common name.
[[nodiscard]] DistinguishedName test_name(const std::string& common_name);

[[nodiscard]] CertificateContent test_root_content();          // of test_rsa_key("ark"), by itself
[[nodiscard]] CertificateContent test_intermediate_content();  // of "ask", to be signed by "ark"
[[nodiscard]] CertificateContent test_leaf_content();  // of a P-384 key, to be signed by "ask"

[[nodiscard]] const Certificate& test_root();
[[nodiscard]] const Certificate& test_intermediate();
[[nodiscard]] const Certificate& test_leaf();

// A file under $EXTREQ_TESTDATA (tests/data/README.md); nullopt where it is not.
[[nodiscard]] std::optional<Bytes> real_data(const std::string& file);

}  // namespace extreq::crypto
