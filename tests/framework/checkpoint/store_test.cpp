#include <outrigger/framework/checkpoint/store.h>

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "framework/checkpoint/child_process.h"
#include "framework/checkpoint/file_operations.h"
#include "framework/checkpoint/sample_checkpoint.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

namespace fs = std::filesystem;

// Mutation: find_last_whole(): `passed_over` returned empty; list_steps(): oldest first.
TEST_CASE("store: what was committed is found, newest first, with its state") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 999'900, 3, 4).ok());
  const auto committed = write_checkpoint(run.path(), 1'000'000, 3, 5);
  REQUIRE(committed.ok());
  CHECK(committed->cleaning.ok());
  CHECK(committed->path == run.path("checkpoints/step-1000000"));
  const auto last = CheckpointStore(run.path()).find_last_whole();
  REQUIRE(last.ok());
  CHECK(last->checkpoint.path == committed->path);
  CHECK(is_sample(last->checkpoint, 1'000'000, 5));
  CHECK(last->checkpoint.part_path("nothing").status().code() == Code::kNotFound);
}

// Mutation: open_whole(): verify_checkpoint() dropped (the flipped byte); open_checkpoint():
// check_part_size() dropped and verify too (missing, truncated); find_last_whole(): `return` the
// first failure.
TEST_CASE("store: a damaged checkpoint falls back to the one before, with the reason") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 5).ok());
  REQUIRE(write_checkpoint(run.path(), 200, 5).ok());
  const std::string newest = run.path("checkpoints/step-000200");
  const auto check_falls_back = [&](const std::string& reason) {
    const auto last = CheckpointStore(run.path()).find_last_whole();
    REQUIRE(last.ok());
    CHECK(is_sample(last->checkpoint, 100));
    REQUIRE(last->passed_over.size() == 1);
    INFO(last->passed_over[0]);
    CHECK(last->passed_over[0].find("step-000200") != std::string::npos);
    CHECK(last->passed_over[0].find(reason) != std::string::npos);
  };
  for (const std::string& name :
       {std::string("model.safetensors"), std::string("islands/paris.safetensors"),
        std::string("manifest.json")}) {
    const std::string part = newest + "/" + name;
    const std::string bytes = read_file(part);
    const std::string relative = "checkpoints/step-000200/" + name;
    const bool manifest = name == "manifest.json";
    std::string flipped = bytes;
    flipped[flipped.size() / 2] ^= 1;
    run.write(relative, flipped);
    check_falls_back(manifest ? "manifest" : "altered");
    run.write(relative, bytes.substr(0, bytes.size() - 7));
    check_falls_back(manifest ? "manifest" : "truncated");
    run.write(relative, "");
    check_falls_back(manifest ? "manifest" : "has 0 bytes");
    fs::remove(part);
    check_falls_back("is missing");
    run.write(relative, bytes);
    CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 200));
  }
  fs::rename(newest, run.path("checkpoints/step-000300"));
  const auto renamed = CheckpointStore(run.path()).find_last_whole();
  REQUIRE(renamed.ok());
  CHECK(is_sample(renamed->checkpoint, 100));
}

// Mutation: find_last_whole(): the reasons left out of the message.
TEST_CASE("store: a run without a whole checkpoint says so, and why") {
  const TemporaryFolder run;
  CHECK(CheckpointStore(run.path()).find_last_whole().status().code() == Code::kNotFound);
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  fs::remove(run.path("checkpoints/step-000100/model.safetensors"));
  const Status status = CheckpointStore(run.path()).find_last_whole().status();
  CHECK(status.code() == Code::kNotFound);
  CHECK(status.message().find("model.safetensors is missing") != std::string::npos);
}

// Mutation: commit(): `clean` with keep + 1; prune(): `whole += ...ok()` -> `++whole`.
TEST_CASE("store: the newest whole ones are kept") {
  const TemporaryFolder run;
  for (std::int64_t step = 1; step <= 5; ++step)
    REQUIRE(write_checkpoint(run.path(), step, 3).ok());
  CHECK(listing(run.path()) == "step-000003 step-000004 step-000005");
  fs::remove(run.path("checkpoints/step-000005/manifest.json"));
  REQUIRE(write_checkpoint(run.path(), 6, 3).ok());
  CHECK(listing(run.path()) == "step-000003 step-000004 step-000005 step-000006");
  REQUIRE(write_checkpoint(run.path(), 7, 1).ok());
  CHECK(listing(run.path()) == "step-000007");
}

// Mutation: prune(): `if (step > newest) continue;` dropped (the run loses the checkpoint it went
// back to).
TEST_CASE("store: a damaged later checkpoint does not push out whole ones") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 2).ok());
  REQUIRE(write_checkpoint(run.path(), 300, 2).ok());
  std::string flipped = read_file(run.path("checkpoints/step-000300/model.safetensors"));
  flipped[5] ^= 1;
  run.write("checkpoints/step-000300/model.safetensors", flipped);
  REQUIRE(write_checkpoint(run.path(), 200, 1).ok());
  CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 200));
  REQUIRE(write_checkpoint(run.path(), 300, 1, 0, 2).ok());
  CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 300));
  CHECK(listing(run.path()) == "step-000300");
}

// Mutation: take_name(): the branch for ENOTEMPTY dropped; its fallback dropped.
TEST_CASE("store: a step checkpointed again is replaced, also where names cannot be exchanged") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1, 0).ok());
  REQUIRE(write_checkpoint(run.path(), 100, 1, 1, 2).ok());
  CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 100, 1));
  observe_file_operations(
      [](const FileOperation& operation) { return operation.name == "renameat2" ? EINVAL : 0; });
  const auto committed = write_checkpoint(run.path(), 100, 1, 2, 3);
  observe_file_operations({});
  REQUIRE(committed.ok());
  CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 100, 2));
  CHECK(listing(run.path()) == "step-000100");
}

// Mutation: is_leftover(): `*attempted <= step` -> `true` (the later attempt loses its parts).
// Mutation: is_leftover(): `return !attempted || ...` -> `return !attempted` (dead attempts stay).
TEST_CASE("store: two checkpoints written at once by two processes each") {
  const TemporaryFolder run;
  const CheckpointStore store(run.path());
  const auto early = store.stage(200, 1);
  const auto dead = store.stage(200, 7);
  const auto late = store.stage(300, 1);
  REQUIRE((early.ok() && late.ok() && dead.ok()));
  const auto write_two_of_each = [&](std::size_t first) {
    for (std::size_t i = first; i < first + 2; ++i)
      for (const auto& [staging, step] : {std::pair(*early, 200), std::pair(*late, 300)})
        if (!write_part_bytes(staging, kPartNames[i], part_bytes(kPartNames[i], step)).ok())
          return 1;
    return 0;
  };
  const pid_t one = start_child([&] { return write_two_of_each(0); });
  const pid_t other = start_child([&] { return write_two_of_each(2); });
  REQUIRE(wait_for_child(one).status == 0);
  REQUIRE(wait_for_child(other).status == 0);
  const auto reports = [](std::int64_t step) {
    std::vector<PartReport> parts;
    for (const std::string& name : kPartNames) {
      const std::string bytes = part_bytes(name, step);
      parts.push_back({name, std::ssize(bytes), hash128(std::as_bytes(std::span(bytes)))});
    }
    return parts;
  };
  const auto early_parts = reports(200);
  const auto late_parts = reports(300);
  SECTION("in order, both count") {
    REQUIRE(store.commit({200, 1, early_parts, {{"version", 0}}, 2}).ok());
    CHECK(listing(run.path()) == ".tmp-step-000300-1 step-000200");
    CHECK(is_sample(store.find_last_whole()->checkpoint, 200));
    REQUIRE(store.commit({300, 1, late_parts, {{"version", 0}}, 2}).ok());
    CHECK(listing(run.path()) == "step-000200 step-000300");
  }
  SECTION("out of order, the earlier one comes too late") {
    REQUIRE(store.commit({300, 1, late_parts, {{"version", 0}}, 2}).ok());
    CHECK(store.commit({200, 1, early_parts, {}, 2}).status().code() == Code::kNotFound);
    CHECK(write_part_bytes(*early, "late", "x").status().code() == Code::kNotFound);
    CHECK(listing(run.path()) == "step-000300");
  }
  CHECK(is_sample(store.find_last_whole()->checkpoint, 300));
}

// Mutation: check(): either test dropped; write_manifest(): check_parts() dropped.
TEST_CASE("store: a commit that does not fit what is staged is refused and nothing changes") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  const CheckpointStore store(run.path());
  const auto staging = store.stage(200, 1);
  REQUIRE(staging.ok());
  const auto parts = write_parts(*staging, 200);
  REQUIRE(parts.ok());
  const auto code = [&](const Commit& commit) { return store.commit(commit).status().code(); };
  CHECK(code({200, 1, {}, {}, 1}) == Code::kInvalidArgument);
  CHECK(code({200, 1, *parts, {}, 0}) == Code::kInvalidArgument);
  CHECK(code({200, 2, *parts, {}, 1}) == Code::kNotFound);
  CHECK(code({200, 1, *parts, {{"text", "\xFF"}}, 1}) == Code::kInvalidArgument);
  auto wrong = *parts;
  ++wrong[1].bytes;
  CHECK(code({200, 1, wrong, {}, 1}) == Code::kCorruption);
  wrong[1].name = "../outside";
  CHECK(code({200, 1, wrong, {}, 1}) == Code::kInvalidArgument);
  wrong[1].name = "absent.safetensors";
  CHECK(code({200, 1, wrong, {}, 1}) == Code::kCorruption);
  CHECK(is_sample(store.find_last_whole()->checkpoint, 100));
  REQUIRE(store.discard(200, 1).ok());
  CHECK(listing(run.path()) == "step-000100");
}

// Mutation: write_manifest(): remove_unreported() dropped.
TEST_CASE("store: files that no report names do not enter the checkpoint") {
  const TemporaryFolder run;
  const CheckpointStore store(run.path());
  const auto staging = store.stage(1, 1);
  REQUIRE(staging.ok());
  const auto parts = write_parts(*staging, 1);
  REQUIRE(write_part_bytes(*staging, "islands/lost.safetensors", "x").ok());
  run.write("checkpoints/.tmp-step-000001-1/manifest.json", "of a commit that was killed");
  const auto committed = store.commit({1, 1, *parts, {}, 1});
  REQUIRE(committed.ok());
  CHECK_FALSE(fs::exists(committed->path + "/islands/lost.safetensors"));
  CHECK(fs::exists(committed->path + "/islands/paris.safetensors"));
}

// Mutation: write_new_file(): 0644 -> 0600.
TEST_CASE("store: others may read a checkpoint and not write it") {
  const TemporaryFolder run;
  const mode_t before = ::umask(022);
  const auto committed = write_checkpoint(run.path(), 1, 1);
  ::umask(before);
  REQUIRE(committed.ok());
  for (const std::string name : {"manifest.json", "model.safetensors"})
    CHECK((fs::status(committed->path + "/" + name).permissions() & fs::perms::all) ==
          fs::perms(0644));
}

// Mutation: stage(): the error of create_directories() ignored.
TEST_CASE("store: an unwritable run folder is named") {
  const TemporaryFolder run;
  fs::permissions(run.path(), fs::perms(0555));
  const ChildEnd end = run_unprivileged([&] {
    const auto staging = CheckpointStore(run.path()).stage(1, 1);
    const bool named = staging.status().message().find(run.path()) != std::string::npos &&
                       staging.status().message().find("Permission denied") != std::string::npos;
    return staging.status().code() == Code::kPermissionDenied && named ? 0 : 1;
  });
  CHECK(end.status == 0);
  fs::permissions(run.path(), fs::perms(0755));
}

// Mutation: commit(): the status of clean() returned as an error (`Committed` lost).
TEST_CASE("store: an old checkpoint that cannot be deleted does not undo the new one") {
  const TemporaryFolder run;
  REQUIRE(write_checkpoint(run.path(), 100, 1).ok());
  observe_file_operations([](const FileOperation& operation) {
    return operation.path.find(".tmp-old-") != std::string::npos ? EACCES : 0;
  });
  const auto committed = write_checkpoint(run.path(), 200, 1);
  observe_file_operations({});
  REQUIRE(committed.ok());
  CHECK(committed->cleaning.code() == Code::kPermissionDenied);
  CHECK(is_sample(CheckpointStore(run.path()).find_last_whole()->checkpoint, 200));
}
