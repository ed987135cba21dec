#include "crypto/p384/digests.hpp"

#include <random>

#include <gtest/gtest.h>

#include "crypto/p384/sha384_lanes.hpp"

namespace extreq::crypto::p384 {
namespace {

Bytes random_bytes(std::mt19937_64& random, std::size_t size) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

void expect_the_librarys(const std::vector<Bytes>& messages) {
  const std::vector<ByteView> views(messages.begin(), messages.end());
  const auto digests = sha384_of_each(views);
  ASSERT_EQ(digests.size(), messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(digests[i], sha384(messages[i])) << "message " << i << " of " << messages[i].size();
  }
}

TEST(Sha384OfEach, AgreesWithTheLibraryAtEverySizeAroundABlock) {
  std::mt19937_64 random(384);
  for (std::size_t size = 0; size <= 400; ++size) {
    std::vector<Bytes> messages;
    for (std::size_t i = 0; i < lanes; ++i) messages.push_back(random_bytes(random, size));
    expect_the_librarys(messages);
  }
}

TEST(Sha384OfEach, AgreesForEveryNumberOfMessages) {
  std::mt19937_64 random(1);
  for (std::size_t count = 0; count <= 3 * lanes; ++count) {
    std::vector<Bytes> messages;
    for (std::size_t i = 0; i < count; ++i) messages.push_back(random_bytes(random, 672));
    expect_the_librarys(messages);
  }
}

TEST(Sha384OfEach, MessagesOfManySizesKeepTheirPlaces) {
  std::mt19937_64 random(2);
  for (unsigned round = 0; round < 50; ++round) {
    std::vector<Bytes> messages;
    for (std::size_t i = 0; i < 20; ++i) {
      messages.push_back(random_bytes(random, random() % 3 == 0 ? random() % 300 : 672));
    }
    expect_the_librarys(messages);
  }
}

TEST(Sha384OfEach, ALaneDoesNotDependOnItsNeighbours) {
  std::mt19937_64 random(3);
  const Bytes message = random_bytes(random, 672);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    std::vector<Bytes> messages(lanes);
    for (Bytes& one : messages) one = random_bytes(random, message.size());
    messages[lane] = message;
    const std::vector<ByteView> views(messages.begin(), messages.end());
    EXPECT_EQ(sha384_of_each(views)[lane], sha384(message));
  }
}

}  // namespace
}  // namespace extreq::crypto::p384
