#include <outrigger/framework/launch/supervisor.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace std::chrono_literals;
using Script = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Live processes whose command line names the folder: the test's children and theirs.
int processes_of(const std::string& folder) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (!fs::exists(entry.path() / "cmdline")) continue;
    const bool mentions = contains(read_file(entry.path() / "cmdline"), folder);
    const std::string stat = read_file(entry.path() / "stat");
    const auto name_end = stat.rfind(')');
    const bool zombie = name_end == std::string::npos || stat.substr(name_end + 2, 1) == "Z";
    if (mentions && !zombie && entry.path().filename() != std::to_string(::getpid())) ++count;
  }
  return count;
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// A job of scripted children (fake_child.cpp).
struct FakeJob {
  test::TemporaryFolder folder;
  JobSpec spec;
  JobWatcher watcher;
  std::vector<std::pair<std::string, Event>> events;
  std::function<void(const std::string&, const Event&)> react;

  FakeJob() {
    spec.log_folder = folder.path();
    spec.limits = {10s, 10s, 10s, 10s, 10s, 10s};
    watcher.on_event = [this](const std::string& source, const Event& event) {
      events.emplace_back(source, event);
      if (react) react(source, event);
    };
  }

  ChildSpec fake(const std::string& island, Script script) const {
    script.push_back("note=" + folder.path());
    script.insert(script.begin(), OUTRIGGER_FAKE_CHILD);
    return {island, 0, std::move(script), {}};
  }
  void coordinator(Script script) { spec.coordinator = fake("coordinator", std::move(script)); }
  void island(const std::string& name, Script script) {
    spec.islands.push_back(fake(name, std::move(script)));
  }
  std::string file(const std::string& name) const { return folder.path() + "/" + name; }
  std::string log(const std::string& name) const { return read_file(file(name + ".log")); }

  JobOutcome run() {
    SignalWatch signals;
    const JobOutcome outcome = supervise(spec, watcher, signals);
    CHECK(processes_of(folder.path()) == 0);
    UNSCOPED_INFO(outcome.cause);
    return outcome;
  }
  // Sends the signal to this process as soon as that source reports a step.
  void signal_at_step(const std::string& source, int signal) {
    react = [source, signal](const std::string& from, const Event& event) {
      if (from == source && std::holds_alternative<StepDone>(event)) ::kill(::getpid(), signal);
    };
  }
  template <class Kind>
  std::vector<std::pair<std::string, Kind>> all() const {
    std::vector<std::pair<std::string, Kind>> found;
    for (const auto& [source, event] : events)
      if (const auto* kind = std::get_if<Kind>(&event)) found.emplace_back(source, *kind);
    return found;
  }
};

}  // namespace

// Mutation: with_address() returns its text as it is.
TEST_CASE("a job whose children all end well exits 0 and knows the coordinator's address") {
  FakeJob job;
  job.coordinator({"listen=127.0.0.1:7077", "await=" + job.file("oslo")});
  job.island("paris", {"step=1", "print=at {coordinator}"});
  job.island("oslo", {"variable=ADDRESS", "step=1", "pid=" + job.file("oslo")});
  job.spec.islands[1].environment = {{"ADDRESS", "tcp://{coordinator}/"}};
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.cause.empty());
  CHECK(job.all<StepDone>().size() == 2);
  CHECK(contains(job.log("paris.0"), "at 127.0.0.1:7077"));
  CHECK(contains(job.log("oslo.0"), "ADDRESS=tcp://127.0.0.1:7077/"));
}

// Mutation: outcome() leaves the log's lines out.
TEST_CASE("a killed island is the root cause, with its last lines, though others fail too") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await-dead=" + job.file("killed"), "blame=paris", "exit=1"});
  job.island("paris",
             {"print=first line", "print=last words", "pid=" + job.file("killed"), "kill=9"});
  job.island("oslo", {"await-dead=" + job.file("killed"), "blame=paris", "exit=1"});
  const JobOutcome outcome = job.run();
  INFO(outcome.cause);
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.cause, "island paris (rank 0, pid "));
  CHECK(contains(outcome.cause, "was killed by signal 9 (SIGKILL)"));
  CHECK(contains(outcome.cause, "| last words"));
}

// Mutation: look_for_stopped() does nothing and only_blamed_left() returns false (then it takes two
// limits).
TEST_CASE("a stopped island that another blames is ended and named") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await=" + job.file("blamed"), "blame=paris", "exit=1"});
  job.island("paris", {"pid=" + job.file("pid"), "kill=19", "hang"});
  job.island("oslo", {"await-stopped=" + job.file("pid"), "blame=paris",
                      "pid=" + job.file("blamed"), "exit=1"});
  job.spec.limits.end = job.spec.limits.terminate = 25s;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.cause, "island paris"));
  CHECK(contains(outcome.cause, "was stopped (SIGSTOP)"));
  CHECK(contains(outcome.cause, "paris is lost"));
}

// Mutation: failure_code() returns kExitFailed always.
TEST_CASE("the exit code of a child that lacks something is the job's") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await-dead=" + job.file("pid"), "blame=paris", "exit=1"});
  job.island("paris", {"pid=" + job.file("pid"), "fail=no corpus at data/x.txt", "exit=3"});
  job.island("oslo", {"await-dead=" + job.file("pid"), "blame=paris", "exit=1"});
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 3);
  CHECK(contains(outcome.cause, "no corpus at data/x.txt (it exited with code 3)"));
}

// Mutation: Job::on_exit() passes over children[0].
TEST_CASE("a coordinator that dies is the root cause") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await=" + job.file("joined"), "kill=11"});
  job.island("paris", {"join=paris", "pid=" + job.file("joined"), "await-signal", "exit=1"});
  job.spec.limits.end = 1ms;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.cause, "the coordinator (pid "));
  CHECK(contains(outcome.cause, "signal 11 (SIGSEGV)"));
}

// Mutation: on_time() leaves kTerminating without SIGKILL; or Process::signal() spares the group.
TEST_CASE("a child that ignores everything is killed, and so are its own children") {
  FakeJob job;
  job.coordinator({"mortal", "listen=a:1", "hang"});
  job.island("paris", {"exit=1"});
  job.island("oslo", {"fork", "hang"});
  job.spec.limits.end = job.spec.limits.terminate = 1ms;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 1);
  CHECK(!contains(outcome.cause, "could not be ended"));
}

// Mutation: on_signal() forwards to children[0] too.
TEST_CASE("the first Ctrl-C reaches the islands alone, and a stop with a checkpoint is 75") {
  FakeJob job;
  job.coordinator({"mortal", "listen=a:1", "await=" + job.file("paris"),
                   "await=" + job.file("oslo"), "print=stayed"});
  job.island("paris", {"await=" + job.file("ready"), "step=1", "await-signal",
                       "pid=" + job.file("paris"), "exit=75"});
  job.island("oslo",
             {"pid=" + job.file("ready"), "await-signal", "pid=" + job.file("oslo"), "exit=75"});
  job.signal_at_step("paris.0", SIGINT);
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 75);
  CHECK(outcome.cause.empty());
  CHECK(contains(job.log("paris.0"), "got signal 2"));
  CHECK(contains(job.log("oslo.0"), "got signal 2"));
  CHECK(contains(job.log("coordinator"), "stayed"));
}

// Mutation: on_signal() takes every signal for the first.
TEST_CASE("the second Ctrl-C kills") {
  FakeJob job;
  job.coordinator({"listen=a:1", "hang"});
  job.island("paris", {"step=1", "await-signal", "step=2", "hang"});
  job.signal_at_step("paris.0", SIGTERM);
  job.spec.limits.finish = 30s;
  CHECK(job.run().exit_code == 128 + SIGTERM);
}

// Mutation: on_exit() takes a death by the forwarded signal for a failure.
TEST_CASE("islands that a signal ends before they can checkpoint give 128 plus the signal") {
  FakeJob job;
  job.coordinator({"mortal", "listen=a:1", "hang"});
  job.island("paris", {"mortal", "step=1", "hang"});
  job.signal_at_step("paris.0", SIGHUP);
  job.spec.limits.leave = 1ms;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 128 + SIGHUP);
  CHECK(contains(outcome.cause, "SIGHUP"));
}

// Mutation: on_line() returns the status's failure to the job instead of complaining.
TEST_CASE("garbage, partial and huge lines from a child are warnings and no more") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await=" + job.file("paris")});
  job.island("paris", {"raw={\"event\":\"step\",\"step\":", "raw=hello", "flood=3000000", "step=7",
                       "pid=" + job.file("paris"), "partial={\"event\":"});
  CHECK(job.run().exit_code == 0);
  REQUIRE(job.all<StepDone>().size() == 1);
  CHECK(job.all<StepDone>()[0].second.step == 7);
  const auto warnings = job.all<Logged>();
  REQUIRE(warnings.size() == 3);
  CHECK(warnings[0].first == "paris.0");
  CHECK(contains(warnings[1].second.message, "hello"));
  CHECK(contains(warnings[2].second.message, "1048576"));
}

// Mutation: spawn_child() does without addclosefrom_np, or without keep_open.
TEST_CASE("a child inherits its channel and what it is to keep, and nothing else") {
  FakeJob job;
  const int careless = ::open("/dev/null", O_RDONLY);  // NOLINT: inheritable on purpose
  job.spec.keep_open = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  job.coordinator({"listen=a:1", "await=" + job.file("paris")});
  job.island("paris", {"descriptors", "pid=" + job.file("paris")});
  CHECK(job.run().exit_code == 0);
  CHECK(job.log("paris.0") == "descriptors 0 1 2 3 4\n");
  ::close(careless);
  ::close(job.spec.keep_open);
}

// Mutation: failure_code() looks at the exit code only.
TEST_CASE("a program that is missing ends the job with 3 and names it") {
  FakeJob job;
  job.coordinator({"listen=a:1", "await-signal", "exit=0"});
  job.island("paris", {"await-signal", "exit=0"});
  job.island("oslo", {});
  job.spec.islands[1].argv = {job.file("no-such-program")};
  job.spec.limits.end = 1ms;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 3);
  CHECK(contains(outcome.cause, "oslo"));
  CHECK(contains(outcome.cause, "no-such-program"));
}

// Mutation: on_time() does nothing while the job is listening.
TEST_CASE("a coordinator that never listens ends the job") {
  FakeJob job;
  job.coordinator({"mortal", "hang"});
  job.island("paris", {"hang"});
  job.spec.limits.listen = 1ms;
  const JobOutcome outcome = job.run();
  CHECK(outcome.exit_code == 1);
  CHECK(contains(outcome.cause, "did not listen"));
}

// Mutation: EventSink's thread takes the end of the stream for nothing (read() ignores 0).
TEST_CASE("when the supervisor is killed its children notice, and none stays") {
  REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  FakeJob job;
  job.coordinator({"pid=" + job.file("a"), "listen=a:1", "await-gone", "exit=75"});
  job.island("paris", {"pid=" + job.file("b"), "await-gone", "print=saved", "exit=75"});
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    SignalWatch signals;
    supervise(job.spec, {}, signals);
    ::_exit(1);
  }
  REQUIRE(eventually([&] { return fs::exists(job.file("a")) && fs::exists(job.file("b")); }));
  ::kill(supervisor, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(supervisor, &status, 0) == supervisor);
  for (const char* file : {"a", "b"}) {
    const pid_t orphan = std::stoi(read_file(job.file(file)));
    CHECK(::waitpid(orphan, &status, 0) == orphan);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 75));
  }
  CHECK(contains(job.log("paris.0"), "saved"));
  CHECK(processes_of(job.folder.path()) == 0);
}
