#include "sim/recorder.hpp"

#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/temporary_directory.hpp"

namespace extreq::sim {
namespace {

using namespace std::chrono_literals;

nlohmann::json trace_of(const Recorder& recorder) {
  const auto directory = TemporaryDirectory::create("extreq-recorder");
  EXPECT_TRUE(directory);
  const std::string path = directory->path() + "/trace.json";
  EXPECT_TRUE(recorder.write_trace(path));
  const auto content = read_file(path);
  EXPECT_TRUE(content);
  return nlohmann::json::parse(content->begin(), content->end());
}

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

TEST(Recorder, WritesATraceWithANameForEachTrackAndEachSpan) {
  Recorder recorder(10);
  const auto guest = recorder.add_track("vCPU 0 guest");
  const auto vmm = recorder.add_track("vCPU 0 VMM");
  recorder.span(vmm, "lease", 1500ns, 4us);
  recorder.span(guest, "seal", 0ns, 1us);
  const auto trace = trace_of(recorder);
  std::map<std::string, nlohmann::json> spans;
  std::map<int, std::string> tracks;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X") spans[event["name"]] = event;
    if (event["name"] == "thread_name") tracks[event["tid"]] = event["args"]["name"];
  }
  EXPECT_EQ(tracks.at(spans.at("lease")["tid"]), "vCPU 0 VMM");
  EXPECT_EQ(tracks.at(spans.at("seal")["tid"]), "vCPU 0 guest");
  EXPECT_DOUBLE_EQ(spans.at("lease")["ts"], 1.5);
  EXPECT_DOUBLE_EQ(spans.at("lease")["dur"], 2.5);
  EXPECT_EQ(trace["otherData"]["dropped_spans"], 0);
}

TEST(Recorder, CountsTheSpansThatItHasNoRoomFor) {
  Recorder recorder(2);
  const auto track = recorder.add_track("t");
  for (int i = 0; i < 5; ++i) recorder.span(track, "s", 0ns, 1ns);
  EXPECT_EQ(trace_of(recorder)["otherData"]["dropped_spans"], 3);
}

TEST(Recorder, KeepsNoSpansUnlessATraceIsWanted) {
  Recorder recorder;
  EXPECT_FALSE(recorder.tracing());
  recorder.span(recorder.add_track("t"), "s", 0ns, 1ns);
  const auto trace = trace_of(recorder);
  for (const auto& event : trace["traceEvents"]) EXPECT_NE(event["ph"], "X");
}

TEST(StageTimer, MeasuresTheCallingThreadsOwnTime) {
  Recorder recorder(1);
  const auto track = recorder.add_track("t");
  {
    const StageTimer timer(recorder, Stage::verify, track, "work");
    const auto until = Recorder::thread_cpu_time() + 1ms;
    while (Recorder::thread_cpu_time() < until) {
    }
  }
  EXPECT_GE(recorder.total(Stage::verify), 1ms);
}

}  // namespace
}  // namespace extreq::sim
