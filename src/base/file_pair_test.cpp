#include "base/file_pair.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"
#include "base/traced_child_test_tool.hpp"
#include "base/unique_fd.hpp"

namespace extreq {
namespace {

constexpr unsigned mode = 0644;

class FilePairTest : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  // A pair whose files say whose they are.
  [[nodiscard]] Status write(const std::string& text) const {
    const Bytes content = to_bytes(text);
    return replace_file_pair({path("first"), content}, {path("second"), content}, mode);
  }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    const auto bytes = read_file(path(name));
    return bytes ? std::string(bytes->begin(), bytes->end()) : "nothing";
  }
  void start_from(const std::string& text) const {
    std::filesystem::remove_all(folder_.path());
    std::filesystem::create_directory(folder_.path());
    ASSERT_TRUE(write(text));
  }
  // "old+old", "new+nothing"
  [[nodiscard]] std::string found() const { return text_of("first") + "+" + text_of("second"); }
  void expect_a_pair() const {
    const std::string pair = found();
    EXPECT_TRUE(pair == "old+old" || pair == "old+nothing" || pair == "new+nothing" ||
                pair == "new+new")
        << pair;
  }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

 private:
  TemporaryDirectory folder_ = TemporaryDirectory::create("extreq-pair").value();
};

TEST_F(FilePairTest, BothFilesHaveTheirNewContentAndTheMode) {
  start_from("old");
  ASSERT_TRUE(write("new"));
  EXPECT_EQ(found(), "new+new");
  EXPECT_EQ(files(), 2);
  struct stat status {};
  ASSERT_EQ(::stat(path("second").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, mode);
}

TEST_F(FilePairTest, ASecondFileWithoutContentDoesNotStayBesideANewFirstOne) {
  start_from("old");
  const Bytes content = to_bytes("new");
  ASSERT_TRUE(replace_file_pair({path("first"), content}, {path("second"), {}}, mode));
  EXPECT_EQ(found(), "new+nothing");
  EXPECT_EQ(files(), 1);
}

TEST_F(FilePairTest, AFileWithoutANameIsNotWritten) {
  start_from("old");
  const Bytes content = to_bytes("new");
  ASSERT_TRUE(replace_file_pair({path("first"), content}, {}, mode));
  EXPECT_EQ(found(), "new+old") << "the second one was not named";
  start_from("old");
  ASSERT_TRUE(replace_file_pair({}, {path("second"), content}, mode));
  EXPECT_EQ(found(), "old+new");
  ASSERT_TRUE(replace_file_pair({}, {path("second"), {}}, mode));
  EXPECT_EQ(found(), "old+nothing");
  ASSERT_TRUE(replace_file_pair({}, {}, mode));
}

TEST_F(FilePairTest, AProcessKilledAtAnyStepLeavesAPairOrTheFirstFileAlone) {
  bool ended = false;
  int step = 1;
  for (; !ended; ++step) {
    ASSERT_LT(step, 1000);
    start_from("old");
    {
      test::TracedChild child([this] { static_cast<void>(write("new")); });
      for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
    }
    expect_a_pair();
  }
  EXPECT_EQ(found(), "new+new");
  EXPECT_GT(step, 20);
}

bool is_for_memory(unsigned long long call) {
  return call == SYS_brk || call == SYS_mmap || call == SYS_munmap || call == SYS_exit_group;
}

TEST_F(FilePairTest, ACallThatFailsForLackOfSpaceLeavesAPairAndAnError) {
  int failed = 0;
  bool ended = false;
  for (int number = 1; !ended; ++number) {
    ASSERT_LT(number, 1000);
    start_from("old");
    test::TracedChild child([this] { ::_exit(write("new") ? 0 : 1); });
    std::optional<unsigned long long> call;
    for (int i = 1; i < number && child.next_stop(); ++i) child.next_stop();
    call = child.next_stop();
    ended = !call;
    if (ended || is_for_memory(*call)) continue;
    child.fail_call(ENOSPC);
    while (child.next_stop()) {
    }
    expect_a_pair();
    ++failed;
  }
  EXPECT_GT(failed, 10);
}

TEST_F(FilePairTest, AFullDiskLosesNothing) {
  start_from("old");
  const pid_t child = ::fork();
  if (child == 0) {
    // Files may have 2 bytes: the first that is written has no room, as on a disk that is full.
    static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
    const struct rlimit limit { 2, 2 };
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Bytes content = to_bytes("n");
    const Bytes longer = to_bytes("new");
    const bool done =
        replace_file_pair({path("first"), content}, {path("second"), longer}, mode).has_value();
    ::_exit(done ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "it says so";
  EXPECT_EQ(found(), "old+old");
  EXPECT_EQ(files(), 2) << "and leaves nothing beside them";
}

TEST_F(FilePairTest, NamesThatCannotBeReplacedAreRefusedBeforeAnythingIsLost) {
  const Bytes content = to_bytes("new");
  const auto refused = [&](const std::string& first, const std::string& second, Code code,
                           const std::string& word) {
    const auto status = replace_file_pair({first, content}, {second, content}, mode);
    ASSERT_FALSE(status) << first << " " << second;
    EXPECT_EQ(status.error().code, code);
    EXPECT_NE(status.error().message.find(word), std::string::npos) << status.error().message;
  };
  start_from("old");
  std::filesystem::create_directory(path("folder"));
  std::filesystem::create_symlink("first", path("link"));
  std::filesystem::create_directory_symlink(".", path("here"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto before = files();
  const std::string first = path("first");
  const std::string second = path("second");
  refused(first, first, Code::invalid_input, "same file");
  refused(first, path("here/first"), Code::invalid_input, "same file");
  refused(path("folder"), second, Code::invalid_input, "is a folder");
  refused(first, path("folder"), Code::invalid_input, "is a folder");
  refused(path("link"), second, Code::invalid_input, "is a symbolic link");
  refused(first, path("link"), Code::invalid_input, "is a symbolic link");
  refused(path("pipe"), second, Code::invalid_input, "is a pipe");
  refused(first, "/dev/null", Code::invalid_input, "is a device");
  refused(first, "/dev/stdout", Code::invalid_input, "is a symbolic link");
  refused(first, path("no/such"), Code::not_found, "no/such");
  refused(path("no/such"), second, Code::not_found, "no/such");
  EXPECT_EQ(found(), "old+old");
  EXPECT_EQ(files(), before);
}

TEST_F(FilePairTest, AFolderThatAnotherProcessHasLockedIsWaitedForAndThenLeftAsItIs) {
  start_from("old");
  UniqueFd lock(::open(path(".").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_SH), 0) << "a reader's";
  const auto status = write("new");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::busy);
  EXPECT_EQ(found(), "old+old");
  EXPECT_EQ(files(), 2);
  lock.reset();
  EXPECT_TRUE(write("new"));
}

// Without the lock the second file of one may come behind the first file of the other.
TEST_F(FilePairTest, TwoProcessesThatWriteThePairAtOnceTakeTurns) {
  // One of them is stopped at each step in turn, while the other one writes its pair, or waits in
  // vain and changes nothing.
  bool ended = false;
  for (int step = 1; !ended; step += 2) {
    ASSERT_LT(step, 1000);
    start_from("old");
    test::TracedChild child([this] { static_cast<void>(write("one")); });
    for (int i = 0; i < step && !ended; ++i) ended = !child.next_stop();
    static_cast<void>(write("two"));
    while (child.next_stop()) {
    }
    const std::string pair = found();
    EXPECT_TRUE(pair == "one+one" || pair == "two+two") << pair << " after step " << step;
  }
}

}  // namespace
}  // namespace extreq
