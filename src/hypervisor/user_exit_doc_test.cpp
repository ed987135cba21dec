// doc/user-exit.md and doc/hypervisor.md name the test of each of their promises: every such test
// is one of this program.
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace extreq::hypervisor {
namespace {

// "Suite.Name" of every test here; a parametrised one without its instance and parameter.
[[nodiscard]] std::set<std::string> tests_of_this_program() {
  std::set<std::string> names;
  const auto& program = *testing::UnitTest::GetInstance();
  for (int i = 0; i < program.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *program.GetTestSuite(i);
    std::string suite_name = suite.name();
    suite_name.erase(0, suite_name.find('/') + 1);  // npos + 1 is 0
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const std::string name = suite.GetTestInfo(j)->name();
      names.insert(suite_name + "." + name.substr(0, name.find('/')));
    }
  }
  return names;
}

// Words in backticks of the form Suite.Name, both with capitals: nothing else looks like that.
[[nodiscard]] std::set<std::string> tests_named_in(const std::string& text) {
  static const std::regex form("`([A-Z][A-Za-z0-9]*\\.[A-Z][A-Za-z0-9]*)`");
  std::set<std::string> names;
  for (std::sregex_iterator match(text.begin(), text.end(), form), end; match != end; ++match) {
    names.insert((*match)[1]);
  }
  return names;
}

class Document : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(Pages, Document, testing::Values("user-exit", "hypervisor"));

TEST_P(Document, EveryTestThatItNamesExists) {
  const char* source = std::getenv("EXTREQ_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "ctest sets it; by hand: EXTREQ_SOURCE_DIR=$PWD";
  std::ifstream file(std::string(source) + "/doc/" + GetParam() + ".md");
  ASSERT_TRUE(file);
  std::stringstream text;
  text << file.rdbuf();
  const std::set<std::string> named = tests_named_in(text.str());
  EXPECT_GE(named.size(), 10U) << "the page names tests";
  const std::set<std::string> existing = tests_of_this_program();
  for (const std::string& name : named) {
    EXPECT_TRUE(existing.contains(name)) << name;
  }
}

TEST(DocumentNames, ATestNameIsRecognisedAndOneThatDoesNotExistIsMissed) {
  EXPECT_THAT(tests_named_in("see `Suite.ThatIsMissing`, `kvm.hpp` and `Vcpu::run()`"),
              testing::ElementsAre("Suite.ThatIsMissing"));
  EXPECT_FALSE(tests_of_this_program().contains("Suite.ThatIsMissing"));
  EXPECT_TRUE(tests_of_this_program().contains(
      "CertificateExit.ImmediateExitReturnsAfterTheFirmwareHasSigned"));
}

}  // namespace
}  // namespace extreq::hypervisor
