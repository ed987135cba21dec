#include "machine/kernel_modules.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "abi/elf64.hpp"
#include "base/byte_builder.hpp"
#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "machine/initramfs.hpp"
#include "machine/test_kernel.hpp"

namespace extreq::machine {
namespace {

namespace elf = abi::elf64;
using testing::ElementsAre;
using testing::HasSubstr;

// A module of two sections: .modinfo and the names of both.
Bytes make_module(const std::string& depends) {
  const std::string info =
      "license=GPL" + std::string(1, '\0') + "depends=" + depends + std::string(1, '\0');
  const std::string names = std::string("\0.modinfo\0.shstrtab\0", 20);
  elf::Header header;
  header.magic = elf::magic;
  header.file_class = elf::class_64;
  header.shentsize = static_cast<std::uint16_t>(sizeof(elf::SectionHeader));
  header.shnum = std::uint16_t{2};
  header.shstrndx = std::uint16_t{1};
  header.shoff = sizeof(elf::Header);
  elf::SectionHeader first;
  first.name = 1U;
  first.type = elf::section_progbits;
  first.offset = sizeof(elf::Header) + 2 * sizeof(elf::SectionHeader);
  first.size = info.size();
  elf::SectionHeader second;
  second.name = 10U;
  second.type = 3U;
  second.offset = first.offset + info.size();
  second.size = names.size();
  return ByteBuilder()
      .object(header)
      .object(first)
      .object(second)
      .bytes(to_bytes(info))
      .bytes(to_bytes(names))
      .take();
}

class KernelModulesTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryDirectory::create("modules");
    ASSERT_TRUE(folder);
    folder_.emplace(*std::move(folder));
    std::filesystem::create_directories(folder_->path() + "/kernel/crypto");
  }
  void add(const std::string& file, const Bytes& content) {
    ASSERT_TRUE(replace_file(folder_->path() + "/kernel/crypto/" + file, content, 0644));
  }
  [[nodiscard]] std::vector<std::string> order(const std::vector<std::string>& wanted) const {
    const auto modules = KernelModules::open(folder_->path())->in_loading_order(wanted);
    std::vector<std::string> names;
    if (!modules) return {modules.error().message};
    for (const auto& module : *modules) names.push_back(module.name);
    return names;
  }

  std::optional<TemporaryDirectory> folder_;
};

TEST_F(KernelModulesTest, EachModuleComesOnceAndAfterWhatItDependsOn) {
  add("sev-guest.ko", make_module("tsm,gcm"));
  add("gcm.ko", make_module("gf128mul"));
  add("gf128mul.ko", make_module(""));
  add("tsm.ko", make_module("gf128mul"));
  EXPECT_THAT(order({"gcm", "sev-guest"}), ElementsAre("gf128mul", "gcm", "tsm", "sev_guest"));
}

TEST_F(KernelModulesTest, ACompressedModuleIsUnpacked) {
  add("gcm.ko.gz", test::gzip(make_module("")));
  EXPECT_THAT(order({"gcm"}), ElementsAre("gcm"));
}

TEST_F(KernelModulesTest, ABuiltInModuleIsLeftOutAndAMissingOneNamed) {
  std::ofstream(folder_->path() + "/modules.builtin") << "kernel/crypto/ctr.ko\n";
  add("gcm.ko", make_module("ctr"));
  EXPECT_THAT(order({"gcm"}), ElementsAre("gcm"));
  EXPECT_THAT(order({"nowhere"}), ElementsAre(HasSubstr("nowhere")));
}

TEST_F(KernelModulesTest, AFolderThatCannotBeReadIsAnErrorAndNotAKernelWithoutModules) {
  add("gcm.ko", make_module(""));
  // One more descriptor: enough for the folder, not for those inside it. Root may read all folders,
  // and meets this limit like everyone.
  const int lowest_free = ::dup(0);
  ASSERT_GE(lowest_free, 0);
  ::close(lowest_free);
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  struct rlimit narrow = before;
  narrow.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &narrow), 0);
  const auto modules = KernelModules::open(folder_->path());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(modules);
  EXPECT_EQ(modules.error().code, Code::io);
  EXPECT_THAT(modules.error().message, HasSubstr("Too many open files"));
}

TEST_F(KernelModulesTest, ACircleIsAnError) {
  add("a.ko", make_module("b"));
  add("b.ko", make_module("a"));
  EXPECT_THAT(order({"a"}), ElementsAre(HasSubstr("depends on itself")));
}

TEST_F(KernelModulesTest, EveryCutModuleIsRefused) {
  const Bytes module = make_module("gcm");
  ASSERT_TRUE(module_dependencies(module));
  for (std::size_t size = 0; size < module.size(); ++size) {
    EXPECT_FALSE(module_dependencies(ByteView(module).first(size))) << size;
  }
}

TEST_F(KernelModulesTest, AKernelWithoutTheDriverIsUnsupportedWithAdvice) {
  const auto modules = KernelModules::open(folder_->path());
  const auto selected = select_modules(*modules, {});
  ASSERT_FALSE(selected);
  EXPECT_EQ(selected.error().code, Code::unsupported);
  EXPECT_THAT(selected.error().message, HasSubstr("linux-image-amd64"));
}

}  // namespace
}  // namespace extreq::machine
