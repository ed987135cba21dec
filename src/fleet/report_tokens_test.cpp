#include "fleet/report_tokens.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::fleet {
namespace {

const std::string old_token(32, 'a');
const std::string new_token = "0123456789-._~+/=ABCDEFGHIJKLMNOPQRSTUVWXYZ";

class ReportTokensTest : public testing::Test {
 protected:
  Result<ReportTokens> load(const std::string& content, unsigned mode = 0640) {
    EXPECT_TRUE(replace_file(path_, to_bytes(content), mode));
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
    return ReportTokens::load(path_);
  }

  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-tokens").value();
  std::string path_ = folder_.path() + "/tokens";
};

TEST_F(ReportTokensTest, EachOfTheTokensIsAcceptedAndNothingElse) {
  const auto tokens = load("# rotation\n" + new_token + "\n\n" + old_token + "\n").value();
  EXPECT_TRUE(tokens.accept("Bearer " + new_token));
  EXPECT_TRUE(tokens.accept("Bearer " + old_token));
  for (const std::string& wrong :
       {std::string(), std::string("Bearer "), old_token, "Basic " + old_token,
        "bearer" + old_token, "Bearer " + old_token + "a", "Bearer " + old_token + " ",
        "Bearer  " + old_token, "Bearer " + std::string(31, 'a'), "Bearer " + std::string(32, 'b'),
        std::string("Bearer # rotation"), "Bearer " + std::string(1 << 20, 'a')}) {
    EXPECT_FALSE(tokens.accept(wrong)) << wrong.substr(0, 80);
  }
  EXPECT_EQ(ReportTokens::first(path_).value(), new_token);
}

TEST_F(ReportTokensTest, AFileThatOthersMayReadIsRefused) {
  const auto tokens = load(old_token, 0644);
  ASSERT_FALSE(tokens);
  EXPECT_NE(tokens.error().message.find("644"), std::string::npos) << tokens.error().message;
}

TEST_F(ReportTokensTest, AWeakTokenOrNoneIsRefusedWithoutRepeatingIt) {
  for (const std::string& content :
       {std::string(), std::string("# none\n"), std::string("short-secret\n"),
        old_token + "\nshort-secret\n", old_token + " \n", std::string(257, 'a'),
        old_token + "\r\n"}) {
    const auto tokens = load(content);
    ASSERT_FALSE(tokens) << content;
    EXPECT_EQ(tokens.error().message.find("secret"), std::string::npos);
  }
}

TEST_F(ReportTokensTest, AMissingFileIsNotFound) {
  EXPECT_EQ(ReportTokens::load(folder_.path() + "/none").error().code, Code::not_found);
}

}  // namespace
}  // namespace extreq::fleet
