#include <outrigger/framework/checkpoint/store.h>
#include <outrigger/framework/launch/run_job.h>

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;

namespace {

struct Ran {
  test::TemporaryFolder parent;
  std::string run, output, metrics;
  JobOutcome outcome;

  explicit Ran(std::vector<std::string> paris) {
    SignalWatch signals;
    const auto folder =
        RunFolder::create(parent.path(), "q", "name: q\n", {{"outrigger"}, 1, "now"});
    REQUIRE(folder.ok());
    run = folder->path();
    write_checkpoint();
    paris.insert(paris.begin(), OUTRIGGER_FAKE_CHILD);
    JobSpec spec;
    spec.coordinator = {"coordinator", 0, {OUTRIGGER_FAKE_CHILD, "listen=a:1", "await-signal"}, {}};
    spec.islands = {{"paris", 0, paris, {}}};
    spec.limits.leave = spec.limits.end = std::chrono::milliseconds(1);
    const int fd = ::open(parent.path("out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    outcome = run_job(*folder, spec, {9, fd, true, true}, signals);
    ::close(fd);
    output = test::read_file(parent.path("out"));
    metrics = test::read_file(folder->metrics());
  }
  // Only a whole checkpoint can be gone on from.
  void write_checkpoint() const {
    const CheckpointStore store(run);
    const auto stage = store.stage(1, 1);
    REQUIRE(stage.ok());
    const auto part = write_part_bytes(*stage, "model.safetensors", "weights");
    REQUIRE(part.ok());
    REQUIRE(store.commit({1, 1, {*part}, {}, 1}).ok());
  }
  bool says(const std::string& text) const { return output.find(text) != std::string::npos; }
};

}  // namespace

// Mutation: run_job() appends nothing, or report() leaves the sample out.
TEST_CASE("a job that is done leaves its metrics in order and reports its end") {
  const Ran ran({"join=paris", "step=1", "step=2", "raw={\"event\":\"sample\",\"text\":\"To be\"}",
                 "raw={\"event\":\"done\",\"step\":9,\"eval_loss\":1.75}"});
  CHECK(ran.outcome.exit_code == 0);
  std::istringstream lines(ran.metrics);
  std::string order;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    CHECK(json["time"].get<double>() > 1e9);
    order += json["source"].get<std::string>() + ":" + json["event"].get<std::string>() + " ";
  }
  CHECK(order ==
        "coordinator:listening paris.0:joined paris.0:step paris.0:step paris.0:sample "
        "paris.0:done ");
  // Mutation: run_job() leaves out note_address.
  CHECK(test::read_file(ran.run + "/coordinator") == "a:1\n");
  CHECK(ran.says("step 2/9"));
  CHECK(ran.says("Sample:\nTo be\n"));
  CHECK(ran.says("Evaluation loss 1.750 after step 9.\n"));
  CHECK(ran.says("Run folder: " + ran.run + "\n"));
  CHECK(!ran.says("--resume"));
}

// Mutation: report() leaves the cause out.
TEST_CASE("a job that failed reports the root cause and how to go on") {
  const Ran ran({"print=last words", "fail=the corpus is empty", "exit=3"});
  CHECK(ran.outcome.exit_code == 3);
  CHECK(ran.says("The job failed: island paris (rank 0, pid "));
  CHECK(ran.says("the corpus is empty"));
  CHECK(ran.says("| last words"));
  CHECK(ran.says("outrigger train --resume " + ran.run));
}
