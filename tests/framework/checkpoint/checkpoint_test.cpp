#include <outrigger/framework/checkpoint/checkpoint.h>

#include <filesystem>
#include <string>

#include "framework/checkpoint/sample_checkpoint.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: verify_checkpoint(): check_part_hash -> check_part_size.
TEST_CASE("checkpoint: opening checks sizes, verifying reads every byte") {
  const TemporaryFolder run;
  const auto committed = write_checkpoint(run.path(), 7, 1);
  REQUIRE(committed.ok());
  const auto checkpoint = open_checkpoint(committed->path);
  REQUIRE(checkpoint.ok());
  CHECK(verify_checkpoint(*checkpoint).ok());
  CHECK(*checkpoint->part_path("outer.safetensors") == committed->path + "/outer.safetensors");
  const std::string part = "checkpoints/step-000007/outer.safetensors";
  std::string bytes = read_file(run.path(part));
  bytes.back() ^= 1;
  run.write(part, bytes);
  REQUIRE(open_checkpoint(committed->path).ok());
  CHECK(verify_checkpoint(*checkpoint).code() == Code::kCorruption);
  run.write(part, bytes + "x");
  CHECK(open_checkpoint(committed->path).status().code() == Code::kCorruption);
}

// Mutation: read_manifest(): a missing file answered as kCorruption; part_path(): the names left
// out.
TEST_CASE("checkpoint: a folder that is none, and a part that is not there, are named") {
  const TemporaryFolder run;
  CHECK(open_checkpoint(run.path()).status().code() == Code::kNotFound);
  CHECK(open_checkpoint(run.path("none")).status().code() == Code::kNotFound);
  const auto committed = write_checkpoint(run.path(), 7, 1);
  const Status status = open_checkpoint(committed->path)->part_path("islands/rome").status();
  CHECK(status.code() == Code::kNotFound);
  CHECK(status.message().find("islands/paris.safetensors") != std::string::npos);
}

// Mutation: read_manifest(): the limit of its size dropped (the file is read into memory).
TEST_CASE("checkpoint: a manifest too large to be one is refused unread") {
  const TemporaryFolder run;
  const auto committed = write_checkpoint(run.path(), 7, 1);
  std::filesystem::resize_file(committed->path + "/manifest.json", std::uintmax_t{1} << 40);
  const Status status = open_checkpoint(committed->path).status();
  CHECK(status.code() == Code::kCorruption);
  CHECK(status.message().find("has more than") != std::string::npos);
}
