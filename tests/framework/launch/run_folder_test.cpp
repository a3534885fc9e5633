#include <outrigger/framework/launch/run_folder.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
namespace fs = std::filesystem;
using test::TemporaryFolder;

namespace {

const RunStart kRunStart = {{"outrigger", "train", "r.yaml"}, 2, "20261121-101500"};

nlohmann::json notes(const std::string& folder) {
  return nlohmann::json::parse(test::read_file(folder + "/run.json"));
}

bool contains(const Status& status, const std::string& part) {
  return status.message().find(part) != std::string::npos;
}

}  // namespace

// Mutation: fill() leaves recipe.yaml out, or start_json() the threads.
TEST_CASE("a new run folder holds the recipe, notes about the machine, and places for the rest") {
  const TemporaryFolder parent;
  const auto run = RunFolder::create(parent.path("deep/runs"), "quick", "name: quick\n", kRunStart);
  REQUIRE(run.ok());
  CHECK(run->path() == parent.path("deep/runs/quick-20261121-101500"));
  CHECK(test::read_file(run->recipe()) == "name: quick\n");
  CHECK(fs::is_directory(run->logs()));
  CHECK(fs::is_directory(run->checkpoints()));
  const auto json = notes(run->path());
  CHECK(json["name"] == "quick");
  REQUIRE(json["starts"].size() == 1);
  const auto start = json["starts"][0];
  CHECK(start["time"] == "20261121-101500");
  CHECK(start["threads"] == 2);
  CHECK(start["command"] == kRunStart.command);
  CHECK(start["cores"] > 0);
  for (const char* key : {"version", "commit", "build", "host", "kernel", "cpu"})
    CHECK(!start[key].get<std::string>().empty());
}

// Mutation: make_unique() takes a folder that is there.
TEST_CASE("a taken name gets a number") {
  const TemporaryFolder parent;
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i)
    names.push_back(
        RunFolder::create(parent.path(), "q", "r", kRunStart)->path().substr(parent.path().size()));
  CHECK(names == std::vector<std::string>{"/q-20261121-101500", "/q-20261121-101500-2",
                                          "/q-20261121-101500-3"});
}

// Mutation: create() does not remove the parents that it made.
TEST_CASE("a place that cannot be written to leaves nothing behind") {
  const TemporaryFolder parent;
  const std::string file = parent.write("file", "");
  const auto run = RunFolder::create(file + "/runs", "q", "r", kRunStart);
  REQUIRE(!run.ok());
  CHECK(run.status().code() == Code::kPermissionDenied);
  CHECK(contains(run.status(), file));

  const std::string long_name(300, 'n');
  CHECK(!RunFolder::create(parent.path("new/runs"), long_name, "r", kRunStart).ok());
  CHECK(!fs::exists(parent.path("new")));
}

// Mutation: create() does not remove the folder when fill() fails.
TEST_CASE("a full disk leaves nothing behind") {
  const TemporaryFolder parent;
  const auto before_action = ::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit = {64, before.rlim_max};  // room for the lock, not for the recipe
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const auto run = RunFolder::create(parent.path("runs"), "q", std::string(1000, 'r'), kRunStart);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, before_action);
  REQUIRE(!run.ok());
  CHECK(run.status().code() == Code::kResourceExhausted);
  CHECK(contains(run.status(), "recipe.yaml"));
  CHECK(!fs::exists(parent.path("runs")));
}

// Mutation: reopen() replaces the first start.
TEST_CASE("a resumed run notes each start and keeps its recipe") {
  const TemporaryFolder parent;
  std::string path;
  {
    const auto run = RunFolder::create(parent.path(), "q", "name: q\n", kRunStart);
    REQUIRE(run.ok());
    path = run->path();
  }
  const auto again = RunFolder::reopen(path, {{"outrigger", "train", "--resume"}, 1, "later"});
  REQUIRE(again.ok());
  CHECK(again->path() == path);
  CHECK(test::read_file(again->recipe()) == "name: q\n");
  const auto starts = notes(path)["starts"];
  REQUIRE(starts.size() == 2);
  CHECK(starts[0]["time"] == "20261121-101500");
  CHECK(starts[1]["time"] == "later");
}

// Mutation: take_lock() ignores flock()'s answer.
TEST_CASE("two supervisors cannot use one run folder") {
  const TemporaryFolder parent;
  auto run = RunFolder::create(parent.path(), "q", "r", kRunStart);
  REQUIRE(run.ok());
  const std::string path = run->path();
  const auto second = RunFolder::reopen(path, kRunStart);
  REQUIRE(!second.ok());
  CHECK(second.status().code() == Code::kFailedPrecondition);
  CHECK(contains(second.status(), "in use by process " + std::to_string(::getpid())));

  const int child_holds = ::fcntl(run->lock_fd(), F_DUPFD_CLOEXEC, 0);
  { const RunFolder gone = std::move(*run); }
  CHECK(!RunFolder::reopen(path, kRunStart).ok());
  ::close(child_holds);
  CHECK(RunFolder::reopen(path, kRunStart).ok());
}

// Mutation: reopen() does not look for run.json before it takes the lock.
TEST_CASE("what is no run folder is not touched") {
  const TemporaryFolder folder;
  for (const std::string& path : {folder.path(), folder.path("missing")}) {
    const auto run = RunFolder::reopen(path, kRunStart);
    REQUIRE(!run.ok());
    CHECK(run.status().code() == Code::kNotFound);
    CHECK(contains(run.status(), path));
  }
  CHECK(fs::is_empty(folder.path()));
}

// Mutation: reopen() does not check 'starts'.
TEST_CASE("damaged notes are an error that names the file") {
  const TemporaryFolder folder;
  folder.write("recipe.yaml", "r");
  for (const char* text : {"{", "[]", "{\"starts\": 1}"}) {
    folder.write("run.json", text);
    const auto run = RunFolder::reopen(folder.path(), kRunStart);
    REQUIRE(!run.ok());
    CHECK(run.status().code() == Code::kCorruption);
    CHECK(contains(run.status(), "run.json"));
  }
}
