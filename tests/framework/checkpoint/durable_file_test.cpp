#include <outrigger/framework/checkpoint/durable_file.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/checkpoint/file_operations.h"
#include "support/catch.h"
#include "support/temporary_folder.h"

using namespace outrigger;
using namespace outrigger::test;

// Mutation: write_all(): `remove_prefix(written)` -> the loop left after one write.
TEST_CASE("durable_file: writes that the system cuts short are gone on with") {
  const TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += std::to_string(i);
  halve_writes(true);
  const Status status = write_new_file(folder.path("a"), bytes);
  halve_writes(false);
  REQUIRE(status.ok());
  CHECK(read_file(folder.path("a")) == bytes);
}

// Mutation: write_new_file(): O_EXCL dropped.
TEST_CASE("durable_file: a new file does not replace one") {
  const TemporaryFolder folder;
  folder.write("a", "old");
  const Status status = write_new_file(folder.path("a"), "new");
  CHECK_FALSE(status.ok());
  CHECK(status.message().find(folder.path("a")) != std::string::npos);
  CHECK(read_file(folder.path("a")) == "old");
}

// Mutation: write_file_atomically(): write_new_file(path) in place of a temporary; the folder's
// sync dropped.
TEST_CASE("durable_file: an atomic write is written, synced, renamed, synced") {
  const TemporaryFolder folder;
  folder.write("a", "old");
  std::vector<std::string> log;
  std::string seen_at_rename;
  observe_file_operations([&](const FileOperation& operation) {
    log.push_back(operation.name);
    if (operation.name == "rename") seen_at_rename = read_file(folder.path("a"));
    return 0;
  });
  const Status status = write_file_atomically(folder.path("a"), "new");
  observe_file_operations({});
  REQUIRE(status.ok());
  CHECK(log == std::vector<std::string>{"write", "fsync", "rename", "fsync"});
  CHECK(seen_at_rename == "old");
  CHECK(read_file(folder.path("a")) == "new");
}

// Mutation: write_new_file(): unlink after a failure dropped; write_file_atomically(): unlink
// dropped.
TEST_CASE("durable_file: a failed write leaves the old file and no other") {
  for (const std::string operation : {"write", "fsync", "rename"}) {
    const TemporaryFolder folder;
    folder.write("a", "old");
    observe_file_operations(
        [&](const FileOperation& next) { return next.name == operation ? ENOSPC : 0; });
    const Status status = write_file_atomically(folder.path("a"), "new");
    observe_file_operations({});
    INFO(operation << ": " << status.message());
    CHECK(status.code() == Code::kResourceExhausted);
    CHECK(status.message().find("No space left on device") != std::string::npos);
    CHECK(status.message().find(folder.path("a")) != std::string::npos);
    CHECK(read_file(folder.path("a")) == "old");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  }
}

// Mutation: code_of(): EIO left out; ENOENT left out.
TEST_CASE("durable_file: codes of the system's errors") {
  CHECK(system_error("write", "a", EIO).code() == Code::kResourceExhausted);
  CHECK(system_error("write", "a", EDQUOT).code() == Code::kResourceExhausted);
  CHECK(system_error("write", "a", EROFS).code() == Code::kPermissionDenied);
  CHECK(system_error("write", "a", ENOENT).message() ==
        "cannot write a: No such file or directory");
  CHECK(sync_file("/nowhere/at/all").code() == Code::kNotFound);
  CHECK(sync_folder("/nowhere/at/all").code() == Code::kNotFound);
}
