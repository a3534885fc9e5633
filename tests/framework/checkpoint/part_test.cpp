#include <outrigger/framework/checkpoint/part.h>

#include <filesystem>
#include <fstream>
#include <span>
#include <string>

#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: make_durable(): the hash of the name reported; write_part(): `write` called twice.
TEST_CASE("part: the report is of the bytes that lie there") {
  const TemporaryFolder folder;
  int calls = 0;
  const auto report =
      write_part(folder.path(), "islands/a.safetensors", [&](const std::string& path) {
        ++calls;
        std::ofstream(path) << "some bytes";
        return Status();
      });
  REQUIRE(report.ok());
  CHECK(calls == 1);
  const std::string bytes = read_file(folder.path("islands/a.safetensors"));
  CHECK(bytes == "some bytes");
  CHECK(*report ==
        PartReport{"islands/a.safetensors", 10, hash128(std::as_bytes(std::span(bytes)))});
  CHECK(check_part_hash(folder.path(), *report).ok());
}

// Mutation: write_part(): the file of a failed writer not removed; its status replaced.
TEST_CASE("part: a writer that fails leaves no file and its reason") {
  const TemporaryFolder folder;
  const auto report = write_part(folder.path(), "model.safetensors", [](const std::string& path) {
    std::ofstream(path) << "half";
    return Status(Code::kResourceExhausted, "no room");
  });
  CHECK(report.status().code() == Code::kResourceExhausted);
  CHECK(report.status().message() == "checkpoint part model.safetensors: no room");
  CHECK_FALSE(std::filesystem::exists(folder.path("model.safetensors")));
  const auto nothing = write_part(folder.path(), "a", [](const std::string&) { return Status(); });
  CHECK(nothing.status().code() == Code::kNotFound);
}

// Mutation: prepare(): the file of an earlier writer not removed (write_new_file then refuses).
TEST_CASE("part: a part may be written again") {
  const TemporaryFolder folder;
  CHECK(write_part_bytes(folder.path(), "a", "first, longer").ok());
  CHECK(write_part_bytes(folder.path(), "a", "second")->bytes == 6);
  CHECK(read_file(folder.path("a")) == "second");
}

// Mutation: prepare(): the check of the staging folder dropped (create_directories makes it again).
TEST_CASE("part: a staging folder that is gone is not made again") {
  const TemporaryFolder folder;
  const auto report = write_part_bytes(folder.path("gone"), "islands/a", "x");
  CHECK(report.status().code() == Code::kNotFound);
  CHECK_FALSE(std::filesystem::exists(folder.path("gone")));
}

// Mutation: is_plain(): each of its tests dropped; check_part_name(): `name != kManifestName`
// dropped.
TEST_CASE("part: names that would leave the folder are refused") {
  for (const std::string good :
       {"model.safetensors", "islands/a-b_c.1.safetensors", "..a", "a/b/c"})
    CHECK(check_part_name(good).ok());
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string(".."),
        std::string("../a"), std::string("a/../b"), std::string("./a"), std::string("a\\b"),
        std::string("a\nb"), std::string("a\0b", 3), std::string("a\x7F"),
        std::string("manifest.json"), std::string(256, 'a')}) {
    CHECK(check_part_name(bad).code() == Code::kInvalidArgument);
    const TemporaryFolder folder;
    CHECK_FALSE(write_part_bytes(folder.path(), bad, "x").ok());
    CHECK(std::filesystem::is_empty(folder.path()));
  }
}

// Mutation: check_part_size(): `==` -> `>=`; check_part_hash(): the comparison dropped.
TEST_CASE("part: missing, cut, longer and altered parts are told apart") {
  const TemporaryFolder folder;
  const auto report = write_part_bytes(folder.path(), "a", "0123456789");
  REQUIRE(report.ok());
  const auto message = [&](const std::string& bytes) {
    folder.write("a", bytes);
    const Status status = check_part_hash(folder.path(), *report);
    CHECK(status.code() == Code::kCorruption);
    return status.message();
  };
  CHECK(message("012345678").find("has 9 bytes, but 10 were written") != std::string::npos);
  CHECK(message("0123456789x").find("has 11 bytes") != std::string::npos);
  CHECK(message("0123456780").find("altered") != std::string::npos);
  std::filesystem::remove(folder.path("a"));
  CHECK(check_part_hash(folder.path(), *report).message().find("is missing") != std::string::npos);
}
