#include "crypto/test_der_mutants.hpp"

#include <array>

#include "crypto/der.hpp"

namespace extreq::crypto {
namespace {

constexpr std::uint8_t constructed_bit = 0x20;
constexpr unsigned depth_max = 32;

std::optional<std::vector<DerNode>> nodes_in(ByteView content, unsigned depth) {
  std::vector<DerNode> nodes;
  while (!content.empty()) {
    const std::uint8_t identifier = content.front();
    const auto element = take_strict_der(content, identifier);
    if (!element || depth == depth_max) return std::nullopt;
    DerNode node{identifier, Bytes(element->content.begin(), element->content.end()), {}};
    const bool constructed = (identifier & constructed_bit) != 0;
    if (constructed || identifier == der_octet_string) {
      auto children = nodes_in(element->content, depth + 1);
      if (!children && constructed) return std::nullopt;
      if (children && !children->empty()) {
        node.children = *std::move(children);
        node.content.clear();
      }
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

Bytes with_longer_length(std::uint8_t identifier, ByteView content) {
  const Bytes shortest = make_der(identifier, {content});
  const ByteView length = ByteView(shortest).subspan(1, shortest.size() - 1 - content.size());
  Bytes result{identifier};
  if (length.size() == 1) {
    result.insert(result.end(), {0x81, length.front()});
  } else {
    result.insert(result.end(), {static_cast<std::uint8_t>(length.front() + 1), 0});
    result.insert(result.end(), length.begin() + 1, length.end());
  }
  result.insert(result.end(), content.begin(), content.end());
  return result;
}

// The string's two halves as elements of their own.
Bytes pieces_of(std::uint8_t identifier, ByteView content) {
  const std::size_t half = content.size() / 2;
  Bytes pieces = make_der(identifier, {content.first(half)});
  const Bytes second = make_der(identifier, {content.subspan(half)});
  pieces.insert(pieces.end(), second.begin(), second.end());
  return pieces;
}

Bytes encode_oddly(std::uint8_t identifier, ByteView content, Encoding encoding) {
  if (encoding == Encoding::longer_length) return with_longer_length(identifier, content);
  const bool primitive = (identifier & constructed_bit) == 0;
  const Bytes inside =
      primitive ? pieces_of(identifier, content) : Bytes(content.begin(), content.end());
  const auto outer = static_cast<std::uint8_t>(identifier | constructed_bit);
  if (encoding == Encoding::constructed) return make_der(outer, {inside});
  Bytes result{outer, 0x80};
  result.insert(result.end(), inside.begin(), inside.end());
  result.insert(result.end(), {0, 0});
  return result;
}

void change_content(Bytes& content, std::mt19937_64& random) {
  const auto at = [&] {
    return content.begin() + static_cast<std::ptrdiff_t>(random() % content.size());
  };
  const auto byte = static_cast<std::uint8_t>(random());
  switch (random() % 4) {
    case 0:
      if (!content.empty()) *at() = byte;
      break;
    case 1:
      if (!content.empty()) content.erase(at());
      break;
    case 2:
      content.push_back(byte);
      break;
    default:
      content.insert(content.begin(), random() % 2 == 0 ? 0 : byte);
      break;
  }
}

void change_children(std::vector<DerNode>& children, std::mt19937_64& random) {
  const std::size_t one = random() % children.size();
  const std::size_t other = random() % children.size();
  switch (random() % 3) {
    case 0:
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(one));
      break;
    case 1: {
      const DerNode copy = children[one];
      children.insert(children.begin() + static_cast<std::ptrdiff_t>(other), copy);
      break;
    }
    default:
      std::swap(children[one], children[other]);
      break;
  }
}

void change(DerNode& tree, std::mt19937_64& random) {
  constexpr std::array<std::uint8_t, 24> identifiers = {
      0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x14, 0x16, 0x17, 0x18,
      0x1C, 0x1E, 0x24, 0x30, 0x31, 0x80, 0x81, 0x82, 0x86, 0xA0, 0xA1, 0xA3};
  const auto nodes = all_nodes(tree);
  DerNode& node = *nodes[random() % nodes.size()];
  const DerNode& other = *nodes[random() % nodes.size()];
  if (random() % 8 == 0) {
    node.identifier = identifiers[random() % identifiers.size()];
  } else if (!node.children.empty()) {
    change_children(node.children, random);
  } else if (random() % 8 == 0 && other.children.empty()) {
    node.content = other.content;
  } else {
    change_content(node.content, random);
  }
}

}  // namespace

std::optional<DerNode> der_tree(ByteView der) {
  auto nodes = nodes_in(der, 0);
  if (!nodes || nodes->size() != 1) return std::nullopt;
  return std::move(nodes->front());
}

Bytes encode_tree(const DerNode& node, const DerNode* odd, Encoding encoding) {
  Bytes content = node.content;
  for (const DerNode& child : node.children) {
    const Bytes bytes = encode_tree(child, odd, encoding);
    content.insert(content.end(), bytes.begin(), bytes.end());
  }
  if (&node == odd && encoding != Encoding::der) {
    return encode_oddly(node.identifier, content, encoding);
  }
  return make_der(node.identifier, {content});
}

std::vector<DerNode*> all_nodes(DerNode& node) {
  std::vector<DerNode*> nodes{&node};
  for (DerNode& child : node.children) {
    const auto below = all_nodes(child);
    nodes.insert(nodes.end(), below.begin(), below.end());
  }
  return nodes;
}

Bytes mutant_of(DerNode tree, std::mt19937_64& random) {
  for (auto changes = 1 + random() % 3; changes != 0; --changes) change(tree, random);
  // The inner and the outer signatureAlgorithm are often changed alike.
  if (random() % 2 == 0 && tree.children.size() == 3 && tree.children[0].children.size() > 2) {
    tree.children[1] = tree.children[0].children[2];
  }
  return encode_tree(tree);
}

}  // namespace extreq::crypto
