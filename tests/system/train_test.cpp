#include <signal.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>

#include "support/catch.h"
#include "system/cli.h"

namespace outrigger {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

std::vector<Json> events(const fs::path& run, const std::string& kind) {
  std::vector<Json> found;
  std::istringstream lines(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const Json event = Json::parse(line, nullptr, false);
    if (!event.is_discarded() && event.value("event", "") == kind) found.push_back(event);
  }
  return found;
}

std::string weights(const fs::path& run, const std::string& step) {
  return read_file(run / "checkpoints" / step / "model.safetensors");
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
bool said(const Ended& ended, const std::string& part) {
  return has(ended.out + ended.err, part);
}

// A run that takes long enough to be interrupted, and waits for its first round to be over.
const std::vector<std::string> kLong = {
    "train",        "small.yaml", "train.steps=2000", "train.eval_every=0", "checkpoint.every=0",
    "sync.every=20"};

void wait_for_rounds(const Scratch& scratch, std::size_t count) {
  wait_until("the run's rounds", [&] {
    return runs(scratch).size() == 1 && events(only_run(scratch), "round").size() >= count;
  });
}

// Mutation: in IslandRun::finish leave out events_.send(done).
TEST_CASE("train runs two islands to the end and leaves a whole run folder") {
  const Scratch scratch;
  const Ended ended = run_cli(scratch, {"train", "small.yaml"});
  CAPTURE(ended.out, ended.err);
  REQUIRE(ended.exit_code == 0);
  const fs::path run = only_run(scratch);
  CHECK(has(ended.out, "Run folder: " + fs::relative(run, scratch.path()).string()));
  CHECK(events(run, "done").size() == 2);
  CHECK(events(run, "eval").size() == 3);
  CHECK(events(run, "sample").size() == 1);
  CHECK(events(run, "round").size() == 2 * 6);
  CHECK(fs::exists(run / "coordinator.db"));
  CHECK(fs::exists(run / "logs" / "paris.0.log"));
  CHECK(fs::exists(run / "checkpoints" / "step-000030" / "manifest.json"));
  // checkpoint.keep: 2
  CHECK_FALSE(fs::exists(run / "checkpoints" / "step-000010"));

  const Ended inspected = run_cli(scratch, {"inspect", run.string(), "--json"});
  REQUIRE(inspected.exit_code == 0);
  CHECK(Json::parse(inspected.out)["state"]["versions"][0]["number"] == 6);

  const Ended evaluated = run_cli(scratch, {"eval", run.string(), "--json"});
  REQUIRE(evaluated.exit_code == 0);
  const double loss = Json::parse(evaluated.out)["loss"];
  CHECK(loss == Approx(events(run, "eval").back()["loss"].get<double>()).epsilon(1e-5));

  const std::vector<std::string> generate = {"generate", run.string(), "--tokens",
                                             "12",       "--seed",     "5"};
  const Ended one = run_cli(scratch, generate), two = run_cli(scratch, generate);
  CHECK(one.exit_code == 0);
  CHECK(one.out == two.out);

  // Mutation: in main.cpp's run, exit with 2 for what is not found.
  fs::remove(scratch.path() / "corpus.txt");
  const Ended without_data = run_cli(scratch, {"eval", run.string()});
  CHECK(without_data.exit_code == 3);
  CHECK(said(without_data, "corpus.txt"));
}

// Mutation: in make_plan, do not check_nccl(): the islands are then started, and end with it.
TEST_CASE("comm.transport nccl without CUDA is 3, and nothing is started") {
  const Scratch scratch;
  const Ended ended = run_cli(scratch, {"train", "small.yaml", "comm.transport=nccl"});
  CAPTURE(ended.out, ended.err);
  if (ended.exit_code == 0) return;  // a build and a machine that have it
  CHECK(ended.exit_code == 3);
  CHECK(said(ended, "comm.transport: nccl needs"));
  CHECK(runs(scratch).empty());
  const Ended alone = run_cli(
      scratch, {"train", "small.yaml", "comm.transport=nccl", "islands.count=1", "--dry-run"});
  CHECK(alone.exit_code == 0);
}

// Mutation: in IslandRun::train return true where it returns false.
TEST_CASE(
    "Ctrl-C stops with a checkpoint and 75, and the resumed run ends with the bits of an "
    "uninterrupted one") {
  const Scratch interrupted, whole;
  Cli cli(interrupted, kLong);
  wait_for_rounds(interrupted, 2);
  kill(cli.pid(), SIGINT);
  const Ended stopped = cli.wait();
  CAPTURE(stopped.out, stopped.err);
  REQUIRE(stopped.exit_code == 75);
  const fs::path run = only_run(interrupted);
  const std::vector<Json> saved = events(run, "checkpoint");
  REQUIRE(saved.size() == 1);
  CHECK(saved[0]["step"].get<int>() < 2000);

  const Ended resumed = run_cli(interrupted, {"train", "--resume", run.string()});
  CAPTURE(resumed.out, resumed.err);
  REQUIRE(resumed.exit_code == 0);
  REQUIRE(run_cli(whole, kLong).exit_code == 0);
  const fs::path other = only_run(whole);
  REQUIRE_FALSE(weights(run, "step-002000").empty());
  CHECK(weights(run, "step-002000") == weights(other, "step-002000"));
  CHECK(events(run, "eval").back()["loss"] == events(other, "eval").back()["loss"]);

  // A slash behind, as a shell completes it. Mutation: in run_train leave out plain_folder.
  const Ended again = run_cli(interrupted, {"train", "--resume", run.string() + "/"});
  CAPTURE(again.out, again.err);
  CHECK(again.exit_code == 0);
  CHECK(weights(run, "step-002000") == weights(other, "step-002000"));
}

// Mutation: in IslandRun::train save at the stop even if saved_at_ == step_.
TEST_CASE("Ctrl-C at a step that has its checkpoint already stops with 75 all the same") {
  const Scratch scratch;
  std::vector<std::string> words = kLong;
  words.push_back("checkpoint.every=1");
  Cli cli(scratch, words);
  wait_for_rounds(scratch, 2);
  kill(cli.pid(), SIGTERM);
  const Ended stopped = cli.wait();
  CAPTURE(stopped.out, stopped.err);
  CHECK(stopped.exit_code == 75);
}

// Mutation: in make_plan leave out check_resumable.
TEST_CASE(
    "a resume with a setting that does not fit the checkpoint is refused and changes nothing") {
  const Scratch scratch;
  REQUIRE(run_cli(scratch, {"train", "small.yaml"}).exit_code == 0);
  const fs::path run = only_run(scratch);
  const std::string recipe = read_file(run / "recipe.yaml");
  const Ended ended = run_cli(scratch, {"train", "--resume", run.string(), "outer.optimizer=sgd"});
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 2);
  CHECK(said(ended, "outer.optimizer cannot be changed on --resume"));
  CHECK(read_file(run / "recipe.yaml") == recipe);
}

pid_t island_pid(const Cli& cli, const std::string& name) {
  for (const pid_t pid : cli.children("island"))
    if (has(read_file("/proc/" + std::to_string(pid) + "/cmdline"),
            std::string("--name") + '\0' + name))
      return pid;
  throw std::runtime_error("no process of island " + name);
}

// Mutation: in Job::on_exit take a death by a signal for a good end.
TEST_CASE("an island that is killed ends the job with 1 and its name") {
  const Scratch scratch;
  Cli cli(scratch, kLong);
  wait_for_rounds(scratch, 1);
  const std::vector<pid_t> children = cli.children("outrigger");
  REQUIRE(children.size() == 3);
  kill(island_pid(cli, "tokyo"), SIGKILL);
  const Ended ended = cli.wait();
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 1);
  CHECK(said(ended, "The job failed: island tokyo"));
  CHECK(said(ended, "SIGKILL"));
  for (const pid_t pid : children) CHECK_FALSE(alive(pid));
}

// Mutation: in judge (launch/verdict.cpp) take the child that reports for the root.
TEST_CASE("an island that is stopped ends the job with 1 and its name within the time-out") {
  const Scratch scratch;
  Cli cli(scratch, kLong);
  wait_for_rounds(scratch, 1);
  const std::vector<pid_t> children = cli.children("outrigger");
  kill(island_pid(cli, "paris"), SIGSTOP);
  const Ended ended = cli.wait();
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 1);
  // The one that was stopped is the root cause, not the one that says so.
  CHECK(said(ended, "The job failed: island paris"));
  for (const pid_t pid : children) CHECK_FALSE(alive(pid));
}

// Mutation: in IslandRun::join leave out events_.on_supervisor_gone.
TEST_CASE("when the supervisor is killed its children write a checkpoint and leave no orphan") {
  const Scratch scratch;
  std::vector<pid_t> children;
  {
    Cli cli(scratch, kLong);
    wait_for_rounds(scratch, 1);
    children = cli.children("outrigger");
    REQUIRE(children.size() == 3);
    kill(cli.pid(), SIGKILL);
    CHECK(cli.wait().exit_code == 128 + SIGKILL);
  }
  wait_until("the children's end",
             [&] { return std::none_of(children.begin(), children.end(), alive); });
  const fs::path run = only_run(scratch);
  const Ended inspected = run_cli(scratch, {"inspect", run.string(), "--json"});
  CAPTURE(inspected.err);
  REQUIRE(inspected.exit_code == 0);
  CHECK(Json::parse(inspected.out)["step"].get<int>() < 2000);
}

// Mutation: in add_train pass "127.0.0.1:0" on whatever --listen says.
TEST_CASE("a taken port is said, and exits with 3") {
  const Scratch scratch;
  Cli first(scratch, {"coordinator", "small.yaml", "--job", "x", "--listen", "127.0.0.1:0"});
  std::string address;
  wait_until("the coordinator's address", [&] {
    const std::string out = first.printed();
    const std::size_t at = out.find("127.0.0.1:");
    if (at == std::string::npos) return false;
    address = out.substr(at, out.find_first_not_of("0123456789", at + 10) - at);
    return out.find('\n', at) != std::string::npos;
  });
  const Ended ended = run_cli(scratch, {"train", "small.yaml", "--listen", address});
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 3);
  CHECK(said(ended, address));

  // Mutation: in GrpcTransport::Impl::listen return FailedPrecondition.
  const Ended island =
      run_cli(scratch, {"island", "small.yaml", "--name", "paris", "--coordinator", address,
                        "--job", "x", "--run", "run", "--listen", address});
  CAPTURE(island.out, island.err);
  CHECK(island.exit_code == 3);
}

// Mutation: in CoordinationService, leave out Links; in run_job, leave out note_address; in
// Session::Impl::learn_roster, leave out start_probing.
TEST_CASE("doctor --peers prints what a running job's coordinator knows of the links") {
  const Scratch scratch;
  Cli cli(scratch, kLong);
  wait_for_rounds(scratch, 1);
  const std::string job = only_run(scratch).filename();
  const std::string address = read_file(only_run(scratch) / "coordinator");
  REQUIRE(has(address, "127.0.0.1:"));
  Json links;
  wait_until("both ways' figures", [&] {
    const Ended asked = run_cli(scratch, {"doctor", "--peers", "--json"});
    REQUIRE(asked.exit_code == 0);
    const Json known = Json::parse(asked.out);
    CHECK(known["job"] == job);
    links = known["links"];
    return std::none_of(links.begin(), links.end(),
                        [](const Json& link) { return link["round_trip_ms"].is_null(); });
  });
  REQUIRE(links.size() == 2);
  CHECK(links[0]["from"] == "paris");
  CHECK(links[0]["to"] == "tokyo");
  for (const Json& link : links) {
    CHECK(link["round_trip_ms"].get<double>() > 0);
    CHECK(link["round_trip_ms"].get<double>() < 1000);
    CHECK(link["round_trip_age_s"].get<double>() < 100);
    // Not told if a round ran beside its probe, and rounds of one message measure none.
    if (!link["mbit_per_s"].is_null()) CHECK(link["mbit_per_s"].get<double>() > 1);
  }
  const Ended text = run_cli(scratch, {"doctor", "--peers", address.substr(0, address.find('\n'))});
  CAPTURE(text.out, text.err);
  CHECK(text.exit_code == 0);
  CHECK(has(text.out, "job " + job + " at 127.0.0.1:"));
  CHECK(has(text.out, "from \\ to"));
  CHECK(has(text.out, " probe "));
  kill(cli.pid(), SIGINT);
  CHECK(cli.wait().exit_code == 75);
  const Ended over = run_cli(scratch, {"doctor", "--peers"});
  CHECK(over.exit_code == 3);
  CHECK(said(over, "no job of runs is running: of the newest, " + job));
}

// Mutation: in IslandRun::join leave out options.join_timeout (it then waits for 60 s).
TEST_CASE("an island waits for the job's start as long as membership.timeout.max says") {
  const Scratch scratch;
  std::string recipe = read_file(scratch.path() / "small.yaml");
  const std::string limit = "max: 30s";
  recipe.replace(recipe.find(limit), limit.size(), "max: 1s");
  scratch.write("short.yaml", recipe);
  const Ended ended = run_cli(scratch, {"island", "short.yaml", "--name", "paris", "--coordinator",
                                        "127.0.0.1:1", "--job", "x", "--run", "run"});
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 1);
  CHECK(said(ended, "could not join job x within 1 s"));
}

// Mutation: in run_train ignore the Status of open_folder.
TEST_CASE("a run folder that cannot be made is said, and exits with 3") {
  const Scratch scratch;
  const Ended ended = run_cli(scratch, {"train", "small.yaml", "--runs", "/proc/nowhere"});
  CHECK(ended.exit_code == 3);
  CHECK(said(ended, "/proc/nowhere"));
}

// Mutation: in write_part ignore the writer's Status.
TEST_CASE("a full disk ends the job with a message, and the checkpoint before it stays whole") {
  const Scratch scratch;
  const fs::path disk = scratch.path() / "disk";
  fs::create_directory(disk);
  // A file system of 2 MB, in a mount namespace of the command's own; copied out before it goes.
  const std::string script =
      "mount -t tmpfs -o size=2m none " + disk.string() +
      " && { " OUTRIGGER_CLI " train small.yaml --runs " + disk.string() +
      " train.steps=300 checkpoint.every=10 checkpoint.keep=100; code=$?; cp -r " + disk.string() +
      "/* runs/; umount " + disk.string() + "; exit $code; }";
  // Root needs no user namespace, and in a chroot cannot make one.
  std::vector<std::string> words = {"/usr/bin/unshare", "-m", "--propagation", "unchanged"};
  if (geteuid() != 0) words = {"/usr/bin/unshare", "-rm"};
  words.insert(words.end(), {"/bin/sh", "-c", script});
  fs::create_directory(scratch.path() / "runs");
  const Ended ended = run_program(scratch, words);
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 1);
  CHECK(said(ended, "No space left on device"));
  const Ended inspected = run_cli(scratch, {"inspect", only_run(scratch).string(), "--json"});
  REQUIRE(inspected.exit_code == 0);
  CHECK(Json::parse(inspected.out)["step"].get<int>() >= 10);
}

// Mutation: in token_file.cpp, layout, let an empty file pass.
TEST_CASE("an empty corpus is said by name before anything is started") {
  const Scratch scratch;
  scratch.write("corpus.txt", "");
  const Ended ended = run_cli(scratch, {"train", "small.yaml"});
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 2);
  CHECK(said(ended, "corpus.txt"));
  CHECK(runs(scratch).empty());
}

// Mutation: in load_recipe return the first error alone.
TEST_CASE("a recipe with three mistakes is told all three, with their lines") {
  const Scratch scratch;
  scratch.write("wrong.yaml",
                "name: wrong\ntrain: {steps: many}\nsync: {evry: 5}\nouter: {lr: -1}\n");
  const Ended ended = run_cli(scratch, {"train", "wrong.yaml"});
  CAPTURE(ended.err);
  CHECK(ended.exit_code == 2);
  CHECK(said(ended, "wrong.yaml:2: train.steps"));
  CHECK(said(ended, "wrong.yaml:3: sync.evry"));
  CHECK(said(ended, "wrong.yaml:4: outer.lr"));
  CHECK(runs(scratch).empty());
}

// Mutation: in load.cpp, unknown_key, look up the nearest key of "".
TEST_CASE("a mistyped setting on the command line is told the right one and leaves no run folder") {
  const Scratch scratch;
  const Ended ended = run_cli(scratch, {"train", "small.yaml", "sync.evry=20"});
  CHECK(ended.exit_code == 2);
  CHECK(said(ended, "sync.evry"));
  CHECK(said(ended, "sync.every"));
  CHECK(runs(scratch).empty());
}

// Mutation: in make_plan leave out check_address (a run folder is left), or in job_spec either
// "--insecure".
TEST_CASE("off loopback nothing listens without --insecure") {
  const Scratch scratch;
  std::vector<std::string> words = {"train", "small.yaml", "train.steps=5", "--listen",
                                    "0.0.0.0:0"};
  const Ended refused = run_cli(scratch, words);
  CAPTURE(refused.out, refused.err);
  CHECK(refused.exit_code == 2);
  CHECK(said(refused, "--insecure"));
  CHECK(runs(scratch).empty());
  words.push_back("--insecure");
  const Ended allowed = run_cli(scratch, words);
  CAPTURE(allowed.out, allowed.err);
  CHECK(allowed.exit_code == 0);
}

// Mutation: in make_plan leave out check_runs (check_address).
TEST_CASE("a dry run finds what would stop the real one") {
  const Scratch scratch;
  const Ended runs_file =
      run_cli(scratch, {"train", "small.yaml", "--dry-run", "--runs", "small.yaml/runs"});
  CHECK(runs_file.exit_code == 3);
  CHECK(said(runs_file, "small.yaml is no folder"));
  const Ended listen =
      run_cli(scratch, {"train", "small.yaml", "--dry-run", "--listen", "nonsense"});
  CHECK(listen.exit_code == 2);
  CHECK(said(listen, "'nonsense' is no address; one is HOST:PORT"));
}

// Mutation: in run_train leave out the return behind dry_run.
TEST_CASE("a dry run says what would be trained and starts nothing") {
  const Scratch scratch;
  const Ended ended =
      run_cli(scratch, {"train", "small.yaml", "--dry-run", "islands.count=3", "train.batch=7"});
  CAPTURE(ended.out, ended.err);
  CHECK(ended.exit_code == 0);
  CHECK(has(ended.out, "3 + 2 + 2"));
  CHECK(runs(scratch).empty());
}

}  // namespace
}  // namespace outrigger
