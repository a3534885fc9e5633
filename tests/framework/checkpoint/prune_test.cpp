#include <outrigger/framework/checkpoint/prune.h>

#include <filesystem>
#include <string>
#include <vector>

#include "framework/checkpoint/sample_checkpoint.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: list_steps(): the comparison with step_name() dropped ("step-0000007" doubles step 7).
TEST_CASE("prune: steps are listed newest first, other names are not") {
  const TemporaryFolder folder;
  CHECK(list_steps(folder.path("none")).empty());
  for (const std::string name : {"step-000007", "step-0000007", "step-1000000", "step-000100",
                                 ".tmp-step-000200-1", "notes"})
    std::filesystem::create_directory(folder.path(name));
  CHECK(list_steps(folder.path()) == std::vector<std::int64_t>{1'000'000, 100, 7});
}

// Mutation: prune(): `whole < keep` -> `whole <= keep`.
TEST_CASE("prune: older ones are hidden, then removed") {
  const TemporaryFolder run;
  for (std::int64_t step : {1, 2, 3}) REQUIRE(write_checkpoint(run.path(), step, 9).ok());
  const std::string checkpoints = run.path("checkpoints");
  REQUIRE(prune(checkpoints, 3, 2).ok());
  CHECK(list_steps(checkpoints) == std::vector<std::int64_t>{3, 2});
  CHECK(listing(run.path()).starts_with(".tmp-old-step-000001-"));
  REQUIRE(remove_leftovers(checkpoints, 0).ok());
  CHECK(listing(run.path()) == "step-000002 step-000003");
}

// Mutation: is_leftover(): `is_temporary(name)` dropped (committed checkpoints and the user's files
// go).
TEST_CASE("prune: leftovers are attempts up to the step and nothing else") {
  const TemporaryFolder run;
  for (const std::string name : {"step-000001", ".tmp-step-000004-9", ".tmp-step-000005-1",
                                 ".tmp-step-000006-1", ".tmp-old-step-000009-ab", "notes"})
    std::filesystem::create_directories(run.path("checkpoints/" + name + "/islands"));
  REQUIRE(remove_leftovers(run.path("checkpoints"), 5).ok());
  CHECK(listing(run.path()) == ".tmp-step-000006-1 notes step-000001");
}
