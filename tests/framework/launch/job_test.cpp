#include <outrigger/framework/launch/job.h>

#include <signal.h>

#include <outrigger/framework/launch/verdict.h>
#include "support/catch.h"

using namespace outrigger;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kCoordinator = 0, kParis = 1, kOslo = 2;
const TimePoint kStart{};

std::vector<ChildRecord> children() {
  std::vector<ChildRecord> records(3);
  records[0].island = "coordinator";
  records[0].coordinator = true;
  records[1].island = "paris";
  records[2].island = "oslo";
  return records;
}

// A job of which all three run.
Job running() {
  Job job(children(), {30s, 20s, 2s, 600s, 10s, 5s, 4s}, kStart);
  job.on_started(kCoordinator, 100);
  job.on_event(kCoordinator, Listening{"a:1"}, kStart);
  job.take_actions();
  job.on_started(kParis, 101);
  job.on_started(kOslo, 102);
  return job;
}

std::vector<std::pair<std::size_t, int>> signals(Job& job) {
  std::vector<std::pair<std::size_t, int>> sent;
  for (const Action& action : job.take_actions())
    if (const auto* signal = std::get_if<SendSignal>(&action))
      sent.emplace_back(signal->child, signal->signal);
  return sent;
}
using Sent = std::vector<std::pair<std::size_t, int>>;

constexpr Exit kDone{false, 0}, kFailed{false, 1}, kStopped{false, 75}, kKilled{true, SIGKILL};

}  // namespace

// Mutation: end() does not enter kOver.
TEST_CASE("a job is over when all its children have ended") {
  Job job = running();
  CHECK(!job.deadline());
  job.on_exit(kParis, kDone, kStart + 1s);
  job.on_exit(kOslo, kDone, kStart + 2s);
  CHECK(!job.over());
  job.on_exit(kCoordinator, kDone, kStart + 3s);
  CHECK(job.over());
  CHECK(judge(job).exit_code == 0);
}

// Mutation: end() never enters kLeaving.
TEST_CASE("a coordinator that stays after the islands is ended, and the job is done") {
  Job job = running();
  job.on_exit(kParis, kDone, kStart);
  job.on_exit(kOslo, kDone, kStart);
  REQUIRE(job.deadline() == kStart + 10s);
  job.on_time(kStart + 10s);
  CHECK(signals(job) == Sent{{kCoordinator, SIGTERM}});
  job.on_time(kStart + 15s);
  CHECK(signals(job) == Sent{{kCoordinator, SIGKILL}});
  job.on_exit(kCoordinator, kKilled, kStart + 16s);
  CHECK(job.over());
  CHECK(judge(job).exit_code == 0);
}

// Mutation: on_time() enters kKilling without a limit.
TEST_CASE(
    "after a failure the others get their time, then SIGTERM, then SIGKILL, then are given up") {
  Job job = running();
  job.on_exit(kParis, kFailed, kStart);
  job.on_time(kStart + 19s);
  CHECK(signals(job).empty());
  job.on_time(kStart + 20s);
  CHECK(signals(job) == Sent{{kCoordinator, SIGTERM}, {kOslo, SIGTERM}});
  job.on_time(kStart + 25s);
  CHECK(signals(job) == Sent{{kCoordinator, SIGKILL}, {kOslo, SIGKILL}});
  CHECK(!job.over());
  job.on_time(kStart + 29s);
  CHECK(job.over());
  CHECK(judge(job).root == kParis);
}

// Mutation: fail() does not enter kEnding (only exits do).
TEST_CASE("a reported failure starts the clock, though the process still runs") {
  Job job = running();
  job.on_event(kParis, Failed{Code::kCorruption, "shard 3 is damaged", ""}, kStart);
  CHECK(job.deadline() == kStart + 20s);
}

// Mutation: earliest() takes the latest.
TEST_CASE("the earliest trouble that is nobody else's fault is the root cause") {
  Job job = running();
  job.on_event(kOslo, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart + 1s);
  job.on_event(kParis, Failed{Code::kResourceExhausted, "disk full", ""}, kStart + 2s);
  job.on_exit(kParis, kFailed, kStart + 3s);
  job.on_exit(kCoordinator, kFailed, kStart + 4s);
  job.on_exit(kOslo, kFailed, kStart + 4s);
  const Verdict verdict = judge(job);
  CHECK(verdict.root == kParis);
  CHECK(verdict.exit_code == 1);
  CHECK(verdict.cause.find("disk full (it exited with code 1)") != std::string::npos);
}

// Mutation: time_of() is the trouble's time, whatever it is.
TEST_CASE("a peer may report a death before the kernel does, without knowing whose it was") {
  Job job = running();
  job.on_event(kOslo, Failed{Code::kUnavailable, "connection closed", ""}, kStart + 1s);
  job.on_exit(kParis, kKilled, kStart + 2s);
  CHECK(judge(job).root == kParis);
}

// Mutation: earliest() passes over the culprit when it is a rank's label ("paris.0").
TEST_CASE("when everybody blames somebody the first one blamed is it") {
  Job job = running();
  job.on_event(kCoordinator, Failed{Code::kDeadlineExceeded, "no heartbeat for 5 s", "paris.0"},
               kStart + 1s);
  job.on_event(kOslo, Failed{Code::kUnavailable, "the coordinator gave up", "coordinator"},
               kStart + 2s);
  job.on_stopped(kParis);
  CHECK(signals(job) == Sent{{kParis, SIGKILL}});
  job.on_exit(kParis, kKilled, kStart + 3s);
  const Verdict verdict = judge(job);
  CHECK(verdict.root == kParis);
  CHECK(verdict.cause.find("SIGSTOP") != std::string::npos);
  CHECK(verdict.cause.find("no heartbeat for 5 s") != std::string::npos);
}

// Mutation: only_blamed_left() is always false; limit_ending() sets the deadline anew each time, or
// sets a later one.
TEST_CASE("who is blamed by all others and still there is ended soon") {
  Job job = running();
  job.on_event(kOslo, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart);
  job.on_exit(kOslo, kFailed, kStart);
  CHECK(signals(job).empty());
  job.on_exit(kCoordinator, kFailed, kStart);
  job.on_time(kStart);
  CHECK(signals(job).empty());
  REQUIRE(job.deadline() == kStart + 2s);
  job.on_time(kStart + 1s);
  CHECK(job.deadline() == kStart + 2s);
  job.on_time(kStart + 2s);
  CHECK(signals(job) == Sent{{kParis, SIGKILL}});
  Job late = running();
  late.on_event(kOslo, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart);
  late.on_exit(kOslo, kFailed, kStart);
  late.on_exit(kCoordinator, kFailed, kStart + 19s);
  late.on_time(kStart + 19s);
  CHECK(late.deadline() == kStart + 20s);
}

// A process of many threads and much memory takes a while to be gone.
// Mutation: on_time() sends SIGKILL as soon as only_blamed_left().
TEST_CASE("a death that is seen a little after the others' ends is its own") {
  Job job = running();
  job.on_event(kOslo, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart);
  job.on_exit(kCoordinator, kFailed, kStart);
  job.on_exit(kOslo, kFailed, kStart);
  job.on_time(kStart);
  job.on_exit(kParis, kKilled, kStart + 1s);
  CHECK(job.over());
  CHECK(judge(job).root == kParis);
  CHECK(judge(job).cause.find("was killed by signal 9") != std::string::npos);
}

// Mutation: only_blamed_left() is asked in end(), before the rest of the moment is known.
TEST_CASE("a death that is seen in the same moment as the others' ends is its own") {
  Job job = running();
  job.on_event(kOslo, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart);
  job.on_exit(kCoordinator, kFailed, kStart);
  job.on_exit(kOslo, kFailed, kStart);
  job.on_exit(kParis, kKilled, kStart);
  job.on_time(kStart);
  CHECK(judge(job).root == kParis);
  CHECK(judge(job).cause.find("was killed by signal 9") != std::string::npos);
}

// Mutation: only_blamed_left() passes over a child's own trouble; or own_story() tells of our
// SIGKILL.
TEST_CASE("who has reported trouble of its own is not hurried, and its words are the story") {
  Job job = running();
  job.on_event(kParis, Failed{Code::kCorruption, "shard 3 is damaged", ""}, kStart);
  for (const std::size_t child : {kOslo, kCoordinator}) {
    job.on_event(child, Failed{Code::kUnavailable, "paris is lost", "paris"}, kStart);
    job.on_exit(child, kFailed, kStart);
  }
  job.on_time(kStart + 19s);
  CHECK(signals(job).empty());
  job.on_time(kStart + 20s);
  job.on_time(kStart + 25s);
  job.on_exit(kParis, kKilled, kStart + 25s);
  CHECK(judge(job).cause == "island paris (rank 0, pid 101) failed: shard 3 is damaged");
}

// Mutation: on_event() keeps a culprit that is the child itself.
TEST_CASE("who blames itself is the cause, in its own words") {
  Job job = running();
  job.on_event(kParis, Failed{Code::kInternal, "loss is NaN", "paris"}, kStart);
  job.on_exit(kParis, kFailed, kStart);
  CHECK(judge(job).cause.find("paris (rank 0, pid 101) failed: loss is NaN") != std::string::npos);
}

// Mutation: fail() leaves StartIslands among the actions.
TEST_CASE("no island starts when the coordinator dies in the moment it listens") {
  Job job(children(), {}, kStart);
  job.on_started(kCoordinator, 100);
  job.on_event(kCoordinator, Listening{"a:1"}, kStart);
  job.on_exit(kCoordinator, kKilled, kStart);
  CHECK(job.take_actions().empty());
  CHECK(job.over());
  CHECK(judge(job).exit_code == 1);
}

// Mutation: on_signal() always enters kFinishing.
TEST_CASE("a signal before the islands run ends the coordinator with 128 plus n") {
  Job job(children(), {}, kStart);
  job.on_started(kCoordinator, 100);
  job.on_signal(SIGINT, kStart);
  CHECK(signals(job) == Sent{{kCoordinator, SIGTERM}});
  job.on_exit(kCoordinator, {true, SIGTERM}, kStart);
  CHECK(job.over());
  CHECK(judge(job).exit_code == 128 + SIGINT);
}

// Mutation: without_trouble() is content with one island that stopped.
TEST_CASE("a stop is whole only if every island saved its work") {
  for (const bool whole : {true, false}) {
    Job job = running();
    job.on_signal(SIGTERM, kStart);
    CHECK(signals(job) == Sent{{kParis, SIGTERM}, {kOslo, SIGTERM}});
    job.on_exit(kParis, kStopped, kStart);
    job.on_exit(kOslo, whole ? kStopped : Exit{true, SIGTERM}, kStart);
    job.on_exit(kCoordinator, kDone, kStart);
    CHECK(judge(job).exit_code == (whole ? 75 : 128 + SIGTERM));
  }
}

// Mutation: on_signal() forgets finish's limit (the job waits for ever).
TEST_CASE("an island that does not stop in time is named") {
  Job job = running();
  job.on_signal(SIGINT, kStart);
  job.on_exit(kParis, kStopped, kStart + 1s);
  signals(job);
  REQUIRE(job.deadline() == kStart + 600s);
  job.on_time(kStart + 600s);
  CHECK(signals(job) == Sent{{kCoordinator, SIGTERM}, {kOslo, SIGTERM}});
  CHECK(judge(job).root == kOslo);
  CHECK(judge(job).cause.find("600 s after the signal to stop") != std::string::npos);
}

// Mutation: the second on_signal() is taken only while the job is finishing.
TEST_CASE("the second signal kills in any state") {
  Job job = running();
  job.on_exit(kParis, kFailed, kStart);
  job.on_signal(SIGINT, kStart);
  CHECK(signals(job) == Sent{{kCoordinator, SIGTERM}, {kOslo, SIGTERM}});
  job.on_signal(SIGINT, kStart);
  CHECK(signals(job) == Sent{{kCoordinator, SIGKILL}, {kOslo, SIGKILL}});
  CHECK(judge(job).exit_code == 128 + SIGINT);
}

// Mutation: on_exit() takes 75 for a failure.
TEST_CASE("a job that stops by itself with a checkpoint is 75") {
  Job job = running();
  for (const std::size_t child : {kParis, kOslo, kCoordinator})
    job.on_exit(child, kStopped, kStart);
  CHECK(judge(job).exit_code == 75);
}

// Mutation: failure_code() passes the child's own code on always (the job then exits with 9).
TEST_CASE("only the exit codes that have a meaning are passed on") {
  for (const auto& [code, expected] : {std::pair{2, 2}, {3, 3}, {1, 1}, {9, 1}, {128 + 15, 1}}) {
    Job job = running();
    job.on_exit(kParis, {false, code}, kStart);
    CHECK(judge(job).exit_code == expected);
  }
}
