#include <outrigger/framework/checkpoint/fail_point.h>
#include <outrigger/framework/checkpoint/names.h>
#include <outrigger/framework/checkpoint/prune.h>
#include <outrigger/framework/checkpoint/store.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "framework/checkpoint/child_process.h"
#include "framework/checkpoint/file_operations.h"
#include "framework/checkpoint/sample_checkpoint.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

namespace {

// Every pass of a fail point while step 200 is written and step 100 pruned.
std::vector<std::string> passes_of_a_checkpoint() {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  std::vector<std::string> passes;
  set_fail_point_hook([&](std::string_view name) { passes.emplace_back(name); });
  const auto committed = write_checkpoint(run.path(), 200, 1);
  set_fail_point_hook({});
  REQUIRE(committed.ok());
  return passes;
}

// Writes a checkpoint in a child that is killed at the pass of that index.
void write_and_die(const std::string& run, std::int64_t step, std::size_t pass) {
  const ChildEnd end = run_in_child([&] {
    std::size_t passed = 0;
    set_fail_point_hook([&](std::string_view) {
      if (passed++ == pass) kill_this_process();
    });
    return write_checkpoint(run, step, 1, 0, 2).ok() ? 0 : 1;
  });
  REQUIRE(end.killed);
}

// Every folder that is named like a checkpoint must be a whole one, the old ones too.
LastWhole last_whole(const std::string& run) {
  auto last = CheckpointStore(run).find_last_whole();
  INFO(last.status().message());
  REQUIRE(last.ok());
  CHECK(last->passed_over.empty());
  const std::string checkpoints = run + "/checkpoints/";
  for (std::int64_t step : list_steps(checkpoints))
    CHECK(verify_checkpoint(open_checkpoint(checkpoints + step_name(step)).value_or_throw()).ok());
  return std::move(*last);
}

}  // namespace

// Mutation: pass_fail_point("folders synced") dropped, or a name added to kFailPoints.
TEST_CASE("crash: a checkpoint passes every fail point that is listed, and no other") {
  const auto passes = passes_of_a_checkpoint();
  CHECK(std::set<std::string_view>(passes.begin(), passes.end()) ==
        std::set<std::string_view>(kFailPoints.begin(), kFailPoints.end()));
}

// Mutation: prune(): hide_checkpoint() -> remove_tree() of the folder in place.
// Mutation: commit(): the old checkpoint hidden before publish().
TEST_CASE("crash: killed at every fail point, the last whole checkpoint is found") {
  const auto passes = passes_of_a_checkpoint();
  const auto renamed =
      static_cast<std::size_t>(std::find(passes.begin(), passes.end(), "renamed") - passes.begin());
  REQUIRE(renamed < passes.size());
  for (std::size_t pass = 0; pass < passes.size(); ++pass) {
    INFO("killed at pass " << pass << ", '" << passes[pass] << "'");
    const TemporaryFolder run;
    REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
    write_and_die(run.path(), 200, pass);
    CHECK(is_sample(last_whole(run.path()).checkpoint, pass < renamed ? 100 : 200));
    REQUIRE(write_checkpoint(run.path(), 300, 1).ok());
    CHECK(is_sample(last_whole(run.path()).checkpoint, 300));
    CHECK(listing(run.path()) == "step-000300");
  }
}

// Mutation: take_name(): RENAME_EXCHANGE dropped (the two renames leave a moment with neither).
TEST_CASE("crash: killed while a step is checkpointed again, the old or the new one is found") {
  bool old_found = false;
  bool new_found = false;
  for (std::size_t doomed = 0;; ++doomed) {
    INFO("killed before file operation " << doomed);
    const TemporaryFolder run;
    REQUIRE(write_checkpoint(run.path(), 200, 1, 0).ok());
    const ChildEnd end = run_in_child([&] {
      std::size_t operation = 0;
      observe_file_operations([&](const FileOperation&) {
        if (operation++ == doomed) kill_this_process();
        return 0;
      });
      return write_checkpoint(run.path(), 200, 1, 1, 2).ok() ? 0 : 1;
    });
    const LastWhole last = last_whole(run.path());
    const bool is_new = is_sample(last.checkpoint, 200, 1);
    CHECK((is_new || is_sample(last.checkpoint, 200, 0)));
    (is_new ? new_found : old_found) = true;
    if (!end.killed) break;
  }
  CHECK((old_found && new_found));
}

// Mutation: prune(): `whole < keep` -> `whole < keep - 1` (the newest one is deleted too).
TEST_CASE("crash: killed at 50 seeded file operations, the last whole checkpoint is found") {
  std::mt19937 random(20240520);
  for (int trial = 0; trial < 50; ++trial) {
    const TemporaryFolder run;
    const unsigned last_operation = random() % 260;
    const std::int64_t keep = 1 + random() % 3;
    INFO("trial " << trial << ", killed before operation " << last_operation);
    const std::string done = run.path("done");  // a byte for each commit that returned
    const ChildEnd end = run_in_child([&] {
      unsigned operation = 0;
      observe_file_operations([&](const FileOperation& next) {
        if (next.path == done) return 0;
        halve_writes(operation + 1 == last_operation);
        if (operation++ == last_operation) kill_this_process();
        return 0;
      });
      for (std::int64_t step = 100;; step += 100) {
        if (!write_checkpoint(run.path(), step, keep).ok()) return 1;
        run.append("done", "x");
      }
    });
    REQUIRE(end.killed);
    const auto committed = static_cast<std::int64_t>(read_file(done).size());
    const auto last = CheckpointStore(run.path()).find_last_whole();
    if (committed == 0 && !last.ok()) continue;
    REQUIRE(last.ok());
    CHECK(last->passed_over.empty());
    const std::int64_t step = last->checkpoint.manifest.step;
    CHECK((step == 100 * committed || step == 100 * (committed + 1)));
    CHECK(is_sample(last->checkpoint, step));
  }
}

// Mutation: sync_file() in make_durable(), sync_folders() in make_durable(), the fsync in
// sync_and_close(), sync_tree() in publish() or sync_folder(checkpoints) after the rename dropped:
// one each time.
TEST_CASE(
    "crash: everything is on the disk before the name, and the name before the old one goes") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  std::vector<std::string> log;
  observe_file_operations([&](const FileOperation& operation) {
    log.push_back(operation.name + " " + operation.path);
    return 0;
  });
  const auto committed = write_checkpoint(run.path(), 200, 1);
  observe_file_operations({});
  REQUIRE(committed.ok());

  const std::string checkpoints = run.path("checkpoints");
  const std::string staging = checkpoints + "/.tmp-step-000200-1";
  const auto at = [&](const std::string& entry, std::size_t from = 0) {
    const auto found = std::find(log.begin() + static_cast<std::ptrdiff_t>(from), log.end(), entry);
    INFO(entry);
    REQUIRE(found != log.end());
    return static_cast<std::size_t>(found - log.begin());
  };
  const std::size_t renamed = at("rename " + checkpoints + "/step-000200");
  for (const std::string& name : kPartNames) CHECK(at("fsync " + staging + "/" + name) < renamed);
  const std::size_t manifest = at("fsync " + staging + "/manifest.json");
  CHECK(at("fsync " + staging + "/islands", manifest) < renamed);
  CHECK(at("fsync " + staging, manifest) < renamed);
  const std::size_t tokyo = at("fsync " + staging + "/islands/tokyo.safetensors");
  CHECK(at("fsync " + staging + "/islands", tokyo) < manifest);
  CHECK(at("fsync " + staging, tokyo) < manifest);
  const std::size_t durable = at("fsync " + checkpoints, renamed);
  const auto hidden = std::find_if(log.begin(), log.end(), [&](const std::string& entry) {
    return entry.starts_with("rename " + checkpoints + "/.tmp-old-step-000100");
  });
  REQUIRE(hidden != log.end());
  const auto hidden_at = static_cast<std::size_t>(hidden - log.begin());
  CHECK(durable < hidden_at);
  const auto removed = std::find_if(
      hidden, log.end(), [](const std::string& entry) { return entry.starts_with("unlink"); });
  CHECK(at("fsync " + checkpoints, hidden_at) < static_cast<std::size_t>(removed - log.begin()));
}
