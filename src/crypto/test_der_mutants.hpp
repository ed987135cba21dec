// DER as a tree, for certificates that are wrong in one place and whose lengths are right all the
// same. For tests and fuzzers.
//
// Threading: pure functions, but for the generator that is given.
#pragma once

#include <optional>
#include <random>
#include <vector>

#include "base/bytes.hpp"

namespace extreq::crypto {

struct DerNode {
  std::uint8_t identifier = 0;
  Bytes content;                  // if there are no children
  std::vector<DerNode> children;  // of a constructed element, or of an OCTET STRING around DER
};

// nullopt: not exactly one element, or its parts are no DER, or lie too deep.
[[nodiscard]] std::optional<DerNode> der_tree(ByteView der);

enum class Encoding : std::uint8_t {
  der,
  longer_length,      // one octet more than needed
  indefinite_length,  // a string of pieces, if it is no constructed element
  constructed,        // a string in two pieces, of definite length
};

// All in DER, but `odd`, a node of this tree.
[[nodiscard]] Bytes encode_tree(const DerNode& node, const DerNode* odd = nullptr,
                                Encoding encoding = Encoding::der);

// The node and all below it.
[[nodiscard]] std::vector<DerNode*> all_nodes(DerNode& node);

// DER of the tree with one to three changes: a tag, a part left out, doubled or moved, bytes of a
// value.
[[nodiscard]] Bytes mutant_of(DerNode tree, std::mt19937_64& random);

}  // namespace extreq::crypto
