#include "sim/recorder.hpp"

#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;

TEST(Recorder, AddsUpEachStageOnItsOwnFromAllThreads) {
  Recorder recorder;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) recorder.add_time(Stage::vmm, 1us);
  });
  for (int i = 0; i < 1000; ++i) recorder.add_time(Stage::vmm, 2us);
  recorder.add_time(Stage::firmware, 5us);
  other.join();
  EXPECT_EQ(recorder.total(Stage::vmm), 3ms);
  EXPECT_EQ(recorder.total(Stage::firmware), 5us);
  EXPECT_EQ(recorder.total(Stage::guest), 0ns);
}

TEST(StageTimer, MeasuresTheCallingThreadsOwnTimeAndShowsItInTheTrace) {
  const auto directory = TemporaryDirectory::create("extreq-recorder");
  ASSERT_TRUE(directory);
  const std::string path = directory->path() + "/trace.json";
  ManualClock clock;
  const auto trace = trace::Trace::create(path, clock);
  ASSERT_TRUE(trace);
  Recorder recorder(trace->get());
  {
    const StageTimer timer(recorder, Stage::verify, "vCPU 0 guest", "work");
    clock.advance(2ms);
    const auto until = Recorder::thread_cpu_time() + 1ms;
    while (Recorder::thread_cpu_time() < until) {
    }
  }
  EXPECT_GE(recorder.total(Stage::verify), 1ms);
  ASSERT_TRUE((*trace)->finish());
  const Bytes raw = read_file(path).value();
  const auto span = nlohmann::json::parse(raw.begin(), raw.end()).back();
  EXPECT_EQ(span["name"], "work");
  EXPECT_EQ(span["dur"], 2000.0);
}

}  // namespace
}  // namespace extreq::sim
